// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace holdfast {
namespace {

using SmallRing = Ring<256>;

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
std::string text_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

TEST(Ring, GivesRecordsInOrderAndJoinsTheirParts) {
  const auto ring = std::make_unique<SmallRing>();
  std::array<uint8_t, SmallRing::record_bytes_max> out{};
  EXPECT_TRUE(ring->pop(out).empty());
  EXPECT_TRUE(ring->push({bytes_of("one")}));
  EXPECT_TRUE(ring->push({bytes_of("two "), bytes_of(""), bytes_of("three")}));
  EXPECT_EQ(text_of(ring->pop(out)), "one");
  EXPECT_EQ(text_of(ring->pop(out)), "two three");
  EXPECT_TRUE(ring->empty());
}

TEST(Ring, DropsAndCountsWhatFindsNoRoom) {
  const auto ring = std::make_unique<SmallRing>();
  const std::string record(56, 'x');  // 64 bytes with its length
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring->push({bytes_of(record)}));
  EXPECT_FALSE(ring->push({bytes_of("y")}));
  EXPECT_FALSE(ring->push({bytes_of(std::string(SmallRing::record_bytes_max + 1, 'z'))}));
  EXPECT_EQ(ring->lost(), 2u);
  std::array<uint8_t, SmallRing::record_bytes_max> out{};
  EXPECT_EQ(text_of(ring->pop(out)), record);
  EXPECT_TRUE(ring->push({bytes_of("y")}));
}

TEST(Ring, PassesEverythingBetweenTwoThreads) {
  const auto ring = std::make_unique<SmallRing>();
  constexpr uint32_t records = 50'000;
  std::thread producer([&] {
    for (uint32_t i = 0; i < records;) {
      const std::vector<uint8_t> padding(i % 61, static_cast<uint8_t>(i));
      if (ring->push({Bytes(reinterpret_cast<const uint8_t*>(&i), sizeof i), padding})) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::array<uint8_t, SmallRing::record_bytes_max> out{};
  for (uint32_t expected = 0; expected < records;) {
    const Bytes record = ring->pop(out);
    if (record.empty()) {
      std::this_thread::yield();
      continue;
    }
    uint32_t number = 0;
    ASSERT_EQ(record.size(), sizeof number + expected % 61);
    std::memcpy(&number, record.data(), sizeof number);
    ASSERT_EQ(number, expected);
    for (const uint8_t byte : record.subspan(sizeof number)) {
      ASSERT_EQ(byte, static_cast<uint8_t>(expected));
    }
    ++expected;
  }
  producer.join();
}

TEST(Ring, AConsumerGetsOverADamagedLength) {
  const auto ring = std::make_unique<SmallRing>();
  EXPECT_TRUE(ring->push({bytes_of("good")}));
  // The length is the first word of the bytes, which lie behind two cache lines of positions.
  std::memset(reinterpret_cast<uint8_t*>(ring.get()) + 128, 0xff, 8);
  std::array<uint8_t, SmallRing::record_bytes_max> out{};
  EXPECT_TRUE(ring->pop(out).empty());
  EXPECT_TRUE(ring->push({bytes_of("again")}));
  EXPECT_EQ(text_of(ring->pop(out)), "again");
}

}  // namespace
}  // namespace holdfast
