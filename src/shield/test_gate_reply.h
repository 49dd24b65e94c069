// SPDX-License-Identifier: GPL-3.0-or-later
// A test of the answers that the XDP program gives by itself: nothing is left for strangers.
#pragma once

#include <algorithm>

#include "shield/test_gate_orders.h"

namespace holdfast::shield {

using Octets = std::vector<uint8_t>;

inline Octets from_hex(std::string_view hex) {
  Octets bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

inline void append(Octets& to, const Octets& bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

constexpr uint32_t june_5_2019_10_53_05 = 1559731985;  // RFC 9018 Appendix A.1

class ReplyGateTest : public ShieldGateTest {
 protected:
  void SetUp() override {
    ShieldGateTest::SetUp();
    if (IsSkipped()) return;
    gate_->set_replies(true);
    common().cookies_enabled = 1;
    common().wall_s = june_5_2019_10_53_05;
    set_secret(common().cookie_active, "e5e973e5a6b2a43f48e7dc849e37bfcf");
    orders().truncate_per_s = 1'000'000;
    orders().share[shield_unknown_slow] = 0;
    orders().share[shield_unknown_fast] = 0;
  }

  static void set_secret(__u8 (&secret)[16], std::string_view hex) {
    std::ranges::copy(from_hex(hex), secret);
  }

  // An OPT record with these options, behind the question.
  void add_opt(const Octets& options, uint8_t flags = 0x80) {
    frame_.payload = question;
    frame_.payload[11] = 1;
    append(frame_.payload,
           {0, 0, 41, 0x10, 0, 0, 0, flags, 0, 0, static_cast<uint8_t>(options.size())});
    append(frame_.payload, options);
  }
  void add_cookie(std::string_view hex) {
    const Octets cookie = from_hex(hex);
    Octets option{0, 10, 0, static_cast<uint8_t>(cookie.size())};
    append(option, cookie);
    add_opt(option);
  }

  // What came out is a datagram to the asker whose sums are right; returns its message.
  [[nodiscard]] Octets reply() const {
    const bool ipv6 = frame_.is_ipv6();
    const size_t ip_bytes = ipv6 ? 40 : 20;
    const size_t message_at = 14 + ip_bytes + 8;
    if (out_.size() < message_at) return {};
    const Octets asked = frame_.build();
    const auto same = [&](size_t at_out, size_t at_asked, size_t bytes) {
      return std::equal(out_.begin() + static_cast<long>(at_out),
                        out_.begin() + static_cast<long>(at_out + bytes),
                        asked.begin() + static_cast<long>(at_asked));
    };
    const size_t address_bytes = ipv6 ? 16 : 4;
    const size_t from = ipv6 ? 22 : 26;
    EXPECT_TRUE(same(0, 6, 6) && same(6, 0, 6)) << "hardware addresses are turned round";
    EXPECT_TRUE(same(from, from + address_bytes, address_bytes) &&
                same(from + address_bytes, from, address_bytes));
    EXPECT_TRUE(same(14 + ip_bytes, 16 + ip_bytes, 2) && same(16 + ip_bytes, 14 + ip_bytes, 2));
    const Bytes out(out_);
    const size_t udp_bytes = load_be16(&out_[14 + ip_bytes + 4]);
    EXPECT_EQ(out_.size(), std::max<size_t>(14 + ip_bytes + udp_bytes, 60));
    if (ipv6) {
      EXPECT_EQ(load_be16(&out_[18]), udp_bytes);
      Octets pseudo(out_.begin() + 22, out_.begin() + 54);
      append(pseudo,
             {0, 17, static_cast<uint8_t>(udp_bytes >> 8), static_cast<uint8_t>(udp_bytes)});
      EXPECT_EQ(plain_sum(out.subspan(54, udp_bytes), plain_sum(pseudo)), 0xffff);
    } else {
      EXPECT_EQ(load_be16(&out_[16]), 20 + udp_bytes);
      EXPECT_EQ(plain_sum(out.subspan(14, 20)), 0xffff);
      EXPECT_EQ(load_be16(&out_[40]), 0) << "over IPv4 it needs no checksum";
    }
    return {out_.begin() + static_cast<long>(message_at),
            out_.begin() + static_cast<long>(14 + ip_bytes + udp_bytes)};
  }
};

}  // namespace holdfast::shield
