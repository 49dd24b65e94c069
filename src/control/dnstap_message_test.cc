// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/dnstap_message.h"

#include <gtest/gtest.h>

#include <map>

namespace holdfast::control {
namespace {

// A decoder of its own, so that the encoder is not judged by itself: field number to value, where
// numbers are kept as such and byte fields as text.
struct Fields {
  std::map<uint64_t, uint64_t> numbers;
  std::map<uint64_t, std::string> texts;
};

uint64_t read_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (unsigned shift = 0; !bytes.empty() && shift < 64; shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  ADD_FAILURE() << "varint without an end";
  return 0;
}

Fields decode(std::string_view bytes) {
  Fields fields;
  while (!bytes.empty()) {
    const uint64_t key = read_varint(bytes);
    if ((key & 7U) == 0) {
      fields.numbers[key >> 3] = read_varint(bytes);
    } else if ((key & 7U) == 5) {
      uint64_t value = 0;
      for (unsigned i = 0; i < 4; ++i) value |= uint64_t{static_cast<uint8_t>(bytes[i])} << 8 * i;
      fields.numbers[key >> 3] = value;
      bytes.remove_prefix(4);
    } else {
      EXPECT_EQ(key & 7U, 2U);
      const uint64_t size = read_varint(bytes);
      fields.texts[key >> 3] = bytes.substr(0, size);
      bytes.remove_prefix(size);
    }
  }
  return fields;
}

std::string as_text(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

TEST(DnstapMessage, AuthQueryCarriesWhoAskedWhatAndWhen) {
  const uint8_t client[] = {192, 0, 2, 1};
  const uint8_t server[] = {192, 0, 2, 53};
  const std::vector<uint8_t> query(300, 0xab);
  const DnstapMessage message{.kind = DnstapKind::auth_query,
                              .family = DnstapFamily::ipv4,
                              .protocol = DnstapProtocol::tcp,
                              .client_address = client,
                              .server_address = server,
                              .client_port = 54321,
                              .server_port = 53,
                              .query_unix_ns = 1'700'000'000'999'999'999,
                              .message = query};
  const std::string frame = as_text(encode_dnstap(message, {"edge-1", "holdfast 0.1"}));
  const Fields outer = decode(frame);
  EXPECT_EQ(outer.texts.at(1), "edge-1");
  EXPECT_EQ(outer.texts.at(2), "holdfast 0.1");
  EXPECT_EQ(outer.numbers.at(15), 1U);
  const Fields inner = decode(outer.texts.at(14));
  EXPECT_EQ(inner.numbers.at(1), 1U);
  EXPECT_EQ(inner.numbers.at(2), 1U);
  EXPECT_EQ(inner.numbers.at(3), 2U);
  EXPECT_EQ(inner.texts.at(4), std::string("\xc0\x00\x02\x01", 4));
  EXPECT_EQ(inner.texts.at(5), std::string("\xc0\x00\x02\x35", 4));
  EXPECT_EQ(inner.numbers.at(6), 54321U);
  EXPECT_EQ(inner.numbers.at(7), 53U);
  EXPECT_EQ(inner.numbers.at(8), 1'700'000'000U);
  EXPECT_EQ(inner.numbers.at(9), 999'999'999U);
  EXPECT_EQ(inner.texts.at(10), std::string(300, '\xab'));
  EXPECT_FALSE(inner.texts.contains(14));
  EXPECT_FALSE(inner.numbers.contains(12));
}

TEST(DnstapMessage, AuthResponseCarriesBothTimes) {
  const std::vector<uint8_t> client(16, 0x20);
  const uint8_t response[] = {1, 2, 3};
  const DnstapMessage message{.kind = DnstapKind::auth_response,
                              .family = DnstapFamily::ipv6,
                              .client_address = client,
                              .server_address = {},
                              .query_unix_ns = 1'000'000'001,
                              .response_unix_ns = 2'000'000'002,
                              .message = response};
  const Fields outer = decode(as_text(encode_dnstap(message, {})));
  EXPECT_FALSE(outer.texts.contains(1));
  const Fields inner = decode(outer.texts.at(14));
  EXPECT_EQ(inner.numbers.at(1), 2U);
  EXPECT_EQ(inner.numbers.at(2), 2U);
  EXPECT_EQ(inner.texts.at(4).size(), 16U);
  EXPECT_FALSE(inner.texts.contains(5));
  EXPECT_EQ(inner.numbers.at(8), 1U);
  EXPECT_EQ(inner.numbers.at(12), 2U);
  EXPECT_EQ(inner.numbers.at(13), 2U);
  EXPECT_EQ(inner.texts.at(14), std::string("\x01\x02\x03"));
}

}  // namespace
}  // namespace holdfast::control
