// SPDX-License-Identifier: GPL-3.0-or-later
// Cookies, and the answers that the XDP program gives by itself.
#include <algorithm>

#include "shield/test_gate_orders.h"

namespace holdfast::shield {
namespace {

using Octets = std::vector<uint8_t>;

Octets from_hex(std::string_view hex) {
  Octets bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

void append(Octets& to, const Octets& bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

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

TEST_F(ReplyGateTest, WhoCannotBeAnsweredIsToldToAskByTcp) {
  for (const bool ipv6 : {false, true}) {
    if (ipv6) use_ipv6();
    frame_.payload = question;
    EXPECT_EQ(run(), replied(xdp_replied_truncated));
    Octets expected = question;
    expected[2] = 0x83;  // QR, TC, RD
    EXPECT_EQ(reply(), expected);
    add_opt({});
    frame_.payload[2] = 0x00;
    frame_.payload[3] = 0x10;  // CD
    EXPECT_EQ(run(), replied(xdp_replied_truncated));
    expected[2] = 0x82;
    expected[3] = 0x10;
    expected[11] = 1;
    append(expected, {0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0});
    EXPECT_EQ(reply(), expected) << "OPT comes back, with DO";
    EXPECT_LE(out_.size(), frame_.build().size());
  }
}

TEST_F(ReplyGateTest, PaddingAndUnfinishedChecksumsDoNotMatter) {
  use_ipv6();
  frame_.checksum = TestFrame::Checksum::pseudo_header;
  frame_.padding_bytes = 31;
  EXPECT_EQ(run(), replied(xdp_replied_truncated));
  EXPECT_EQ(reply().size(), question.size());
}

TEST_F(ReplyGateTest, OptionsAreCutOff) {
  Octets options(200, 0);
  options[1] = 12;  // padding
  options[3] = 196;
  add_opt(options);
  EXPECT_EQ(run(), replied(xdp_replied_truncated));
  EXPECT_EQ(reply().size(), question.size() + 11);
}

TEST_F(ReplyGateTest, RepliesAreNotSentWhereTheyMayNotBe) {
  gate_->set_replies(false);
  EXPECT_EQ(run(), dropped(xdp_dropped_unknown_slow));
  gate_->set_replies(true);
  spend_budget(orders().truncate_per_s);
  EXPECT_EQ(run(), dropped(xdp_dropped_unknown_slow));
}

TEST_F(ReplyGateTest, RepliesHaveABudget) {
  orders().truncate_per_s = 1000;
  int replies = 0;
  const uint64_t start_ms = monotonic_ms();
  for (int i = 0; i < 300; ++i) replies += run() == replied(xdp_replied_truncated) ? 1 : 0;
  const auto passed_ms = static_cast<int>(monotonic_ms() - start_ms);
  EXPECT_GE(replies, 20);
  EXPECT_LE(replies, 20 + passed_ms + 12) << "the clock is that of the last tick";
}

TEST_F(ReplyGateTest, WhoAsksTooFastDoesNotGetTheLastReplies) {
  orders().truncate_per_s = 100'000;
  orders().unknown_source = orders().unknown_prefix = 0;
  int fast = 0;
  for (int i = 0; i < 100; ++i) fast += run() == replied(xdp_replied_truncated) ? 1 : 0;
  EXPECT_EQ(fast, 100);
  orders().truncate_per_s = 512;
  int until_dropped = 0;
  while (run() != dropped(xdp_dropped_unknown_fast) && until_dropped < 10'000) ++until_dropped;
  EXPECT_LT(until_dropped, 10'000);
  orders().unknown_source = orders().unknown_prefix = 1'000'000;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(run(), replied(xdp_replied_truncated)) << "half of a burst is left for others";
  }
}

// RFC 9018 Appendix A.1 and A.2.
TEST_F(ReplyGateTest, AClientCookieGetsAServerCookie) {
  frame_.from = "198.51.100.100";
  add_cookie("2464c4abcf10c957");
  EXPECT_EQ(run(), replied(xdp_replied_cookie));
  Octets expected = question;
  expected[2] = 0x81;
  expected[3] = 7;  // of 23
  expected[11] = 1;
  append(expected, {0, 0, 41, 0x04, 0xd0, 1, 0, 0x80, 0, 0, 28, 0, 10, 0, 24});
  append(expected, from_hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));
  EXPECT_EQ(reply(), expected);
  EXPECT_EQ(out_.size(), frame_.build().size() + 16);

  add_cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  EXPECT_EQ(run(), taken_as(xdp_taken_proved));
  common().wall_s += 2400;
  EXPECT_EQ(run(), taken_as(xdp_taken_proved));
}

TEST_F(ReplyGateTest, ACookieThatWasGivenIsGoodOverIpv6) {
  use_ipv6();
  add_cookie("0102030405060708");
  ASSERT_EQ(run(), replied(xdp_replied_cookie));
  const Octets given = reply();
  ASSERT_GE(given.size(), 24U);
  Octets option{0, 10, 0, 24};
  append(option, {given.end() - 24, given.end()});
  add_opt(option);
  EXPECT_EQ(run(), taken_as(xdp_taken_proved));
  frame_.from = "2001:db8::3";
  EXPECT_EQ(run(), replied(xdp_replied_cookie)) << "another address";
}

// RFC 9018 Appendix A.4.
TEST_F(ReplyGateTest, BothSecretsAreGood) {
  frame_.from = "2001:db8:220:1:59de:d0f4:8769:82b8";
  frame_.to = "2001:db8::1";
  common().wall_s = 1559741961;
  set_secret(common().cookie_active, "445536bcd2513298075a5d379663c962");
  set_secret(common().cookie_staged, "dd3bdf9344b678b185a6f5cb60fca715");
  add_cookie("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
  EXPECT_EQ(run(), replied(xdp_replied_cookie));
  common().cookie_staged_present = 1;
  EXPECT_EQ(run(), taken_as(xdp_taken_proved));
}

TEST_F(ReplyGateTest, CookiesAreGoodForAnHour) {
  frame_.from = "198.51.100.100";
  add_cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  for (const int age_s : {-300, 0, 3600}) {
    common().wall_s = june_5_2019_10_53_05 + static_cast<uint32_t>(age_s);
    EXPECT_EQ(run(), taken_as(xdp_taken_proved)) << age_s;
  }
  for (const int age_s : {-301, 3601}) {
    common().wall_s = june_5_2019_10_53_05 + static_cast<uint32_t>(age_s);
    EXPECT_EQ(run(), replied(xdp_replied_cookie)) << age_s;
  }
}

TEST_F(ReplyGateTest, AValidCookieIsNoLeaveToFlood) {
  frame_.from = "198.51.100.100";
  await_window();
  add_cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  orders().proved_source = 3;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(), taken_as(xdp_taken_proved));
  EXPECT_EQ(run(), replied(xdp_replied_truncated)) << "another cookie would change nothing";
}

TEST_F(ReplyGateTest, CookiesThatAreNotGoodProveNothing) {
  frame_.from = "198.51.100.100";
  for (const char* cookie : {
           "2464c4abcf10c957010000005cf79f111f8130c3eee29481",    // another hash
           "2464c4abcf10c958010000005cf79f111f8130c3eee29480",    // another client cookie
           "2464c4abcf10c957020000005cf79f111f8130c3eee29480",    // another version
           "2464c4abcf10c957010000005cf79f11",                    // another length
           "2464c4abcf10c957010000005cf79f111f8130c3eee2948000",  // longer
       }) {
    add_cookie(cookie);
    EXPECT_EQ(run(), replied(xdp_replied_cookie)) << cookie;
    EXPECT_EQ(reply().size(), question.size() + 39);
  }
  common().cookies_enabled = 0;
  add_cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  EXPECT_EQ(run(), replied(xdp_replied_truncated));
}

TEST_F(ReplyGateTest, MalformedOptionsAreNoCookies) {
  const std::vector<Octets> malformed{
      {0, 10, 0},                             // no length
      {0, 10, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8},  // longer than the record
      {0, 10, 0, 7, 1, 2, 3, 4, 5, 6, 7},     // too short (RFC 7873 §4)
      {0, 10, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
      {0, 3, 0, 0, 0, 8},
  };
  for (const Octets& options : malformed) {
    add_opt(options);
    EXPECT_EQ(run(), replied(xdp_replied_truncated)) << testing::PrintToString(options);
  }
  add_cookie("2464c4abcf10c957");
  frame_.payload[question.size() + 10] += 1;  // the record ends behind the message
  EXPECT_EQ(run(), replied(xdp_replied_truncated));
  EXPECT_EQ(reply().size(), question.size()) << "what is no OPT is not answered with one";
  add_cookie("2464c4abcf10c957");
  frame_.payload[question.size() + 2] = 42;  // another type
  EXPECT_EQ(run(), replied(xdp_replied_truncated));
  add_cookie("2464c4abcf10c957");
  frame_.payload[question.size() + 6] = 1;  // another version
  EXPECT_EQ(run(), replied(xdp_replied_truncated));
}

TEST_F(ReplyGateTest, TheCookieMayStandBehindOtherOptions) {
  frame_.from = "198.51.100.100";
  Octets options{0, 3, 0, 0, 0, 12, 0, 5, 0, 0, 0, 0, 0, 0, 10, 0, 24};
  append(options, from_hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));
  add_opt(options);
  EXPECT_EQ(run(), taken_as(xdp_taken_proved));
}

class DenialGateTest : public ReplyGateTest {
 protected:
  // The answer process would be asked for these, but that nothing is left.
  void SetUp() override {
    ReplyGateTest::SetUp();
    if (IsSkipped()) return;
    orders().known_floor = 0;
    orders().usual_shift = 0;
    orders().share[shield_absent_name] = 0;
    set_zone(NameFilterWriter::Proofs::none);
    remember(9);
  }
  void set_zone(NameFilterWriter::Proofs proofs) {
    NameFilterWriter writer(*names_);
    writer.begin();
    ASSERT_TRUE(writer.begin_zone(*wire::Name::from_text("other."), 1));
    ASSERT_TRUE(writer.begin_zone(*wire::Name::from_text("example."), 1));
    writer.add_name(*wire::Name::from_text("www.example."));
    writer.deny_with(soa, proofs);
    writer.show();
  }
  void ask(const std::string& label, const Octets& record = {}) {
    frame_.payload.assign(question.begin(), question.begin() + 12);
    frame_.payload.push_back(static_cast<uint8_t>(label.size()));
    append(frame_.payload, Octets(label.begin(), label.end()));
    append(frame_.payload, {7, 'E', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0, 1});
    if (record.empty()) return;
    frame_.payload[11] = 1;
    append(frame_.payload, record);
  }
  // What is expected for a label of four bytes.
  [[nodiscard]] Octets denial() const {
    Octets expected(frame_.payload.begin(), frame_.payload.begin() + 30);
    expected[2] = 0x85;  // QR, AA, RD
    expected[3] = 3;
    expected[9] = 1;
    append(expected, soa);
    expected[30] = 0xc0;
    expected[31] = 17;
    return expected;
  }

  static const inline Octets soa{0xc0, 12, 0, 6, 0, 1, 0, 0, 1, 44, 0, 22, 0, 0, 0, 0, 0,
                                 1,    0,  0, 0, 2, 0, 0, 0, 3, 0,  0, 0,  4, 0, 0, 1, 44};
  static const inline Octets opt{0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0};
  static const inline Octets opt_wanting_proof{0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0};
};

TEST_F(DenialGateTest, NamesThatDoNotExistAreDeniedToTheKnown) {
  for (const bool ipv6 : {false, true}) {
    if (ipv6) {
      use_ipv6();
      remember(9);
    }
    ask("None");
    EXPECT_EQ(run_beyond(), replied(xdp_replied_nxdomain));
    EXPECT_EQ(reply(), denial());
    ask("None", opt);
    EXPECT_EQ(run_beyond(), replied(xdp_replied_nxdomain));
    Octets expected = denial();
    expected[11] = 1;
    append(expected, {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(reply(), expected);
  }
  ask(std::string(63, 'x'));
  EXPECT_EQ(run_beyond(), replied(xdp_replied_nxdomain));
  EXPECT_EQ(load_be16(&reply()[12 + 64 + 9 + 4]), 0xc000 + 12 + 64);
}

TEST_F(DenialGateTest, WhoWantsProofOrMoreIsNotAnsweredHere) {
  ask("None", opt_wanting_proof);
  EXPECT_EQ(run_beyond(), replied(xdp_replied_nxdomain)) << "there is none";
  EXPECT_EQ(reply()[reply().size() - 4], 0x80) << "DO comes back";
  set_zone(NameFilterWriter::Proofs::needed);
  EXPECT_EQ(run_beyond(), replied(xdp_replied_truncated));
  ask("None", opt);
  EXPECT_EQ(run_beyond(), replied(xdp_replied_nxdomain));
  Octets with_cookie = opt;
  with_cookie[10] = 12;
  append(with_cookie, {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8});
  ask("None", with_cookie);
  EXPECT_EQ(run_beyond(), replied(xdp_replied_cookie));
  Octets of_version_1 = opt;
  of_version_1[6] = 1;
  ask("None", of_version_1);
  EXPECT_EQ(run_beyond(), replied(xdp_replied_truncated));
  ask("None");
  frame_.payload.back() = 3;  // CHAOS
  EXPECT_EQ(run_beyond(), replied(xdp_replied_truncated));
  ask("None");
  frame_.payload[frame_.payload.size() - 3] = 252;  // AXFR
  EXPECT_EQ(run_beyond(), replied(xdp_replied_truncated));
  frame_.payload[frame_.payload.size() - 3] = 255;
  EXPECT_EQ(run_beyond(), replied(xdp_replied_nxdomain));
}

TEST_F(DenialGateTest, StrangersAndTheForgedAreNotAnsweredSo) {
  ask("None");
  remember(9, usual_hop - 5);
  EXPECT_EQ(run_beyond(), replied(xdp_replied_truncated));
  frame_.from = "203.0.113.7";
  EXPECT_EQ(run_beyond(), replied(xdp_replied_truncated));
}

TEST_F(DenialGateTest, ADryRunOfRepliesCountsIt) {
  ask("None");
  common().dry_run = SHIELD_DRY_RUN_TRUNCATE;
  EXPECT_EQ(run_beyond(), dropped(xdp_dropped_absent_name));
  EXPECT_EQ(gate_->count_dry(0, xdp_replied_nxdomain), 1U);
  common().dry_run = 0;
  gate_->set_replies(false);
  EXPECT_EQ(run_beyond(), dropped(xdp_dropped_absent_name));
  gate_->set_replies(true);
  NameFilterWriter(*names_).suspend();
  EXPECT_EQ(run_beyond(), taken_as(xdp_taken_known_odd)) << "it may exist now";
}

TEST_F(ReplyGateTest, EveryCutOfTheFrameIsSafe) {
  for (const bool ipv6 : {false, true}) {
    if (ipv6) use_ipv6();
    add_cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    const Octets whole = frame_.build();
    const size_t ip_bytes = ipv6 ? 40 : 20;
    for (size_t payload = 12; payload <= frame_.payload.size(); ++payload) {
      Octets cut(whole.begin(), whole.begin() + static_cast<long>(22 + ip_bytes + payload));
      store_be16(&cut[14 + ip_bytes + 4], static_cast<uint16_t>(8 + payload));
      const size_t length = (ipv6 ? 8 : 28) + payload;
      store_be16(&cut[ipv6 ? 18 : 16], static_cast<uint16_t>(length));
      const Verdict verdict = run_bytes(cut);
      const bool is_whole = payload == frame_.payload.size();
      const bool has_question = payload >= question.size();
      if (!has_question) {  // as many as are let through, and no reply
        EXPECT_TRUE(verdict == taken || verdict == dropped(xdp_dropped_malformed)) << payload;
        continue;
      }
      EXPECT_EQ(verdict, replied(is_whole ? xdp_replied_cookie : xdp_replied_truncated)) << payload;
    }
  }
}

}  // namespace
}  // namespace holdfast::shield
