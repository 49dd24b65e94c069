// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/source_layout.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <set>
#include <string>

#include "base/address.h"

namespace holdfast::shield {
namespace {

using Words = std::array<uint32_t, 4>;

constexpr std::array<__u64, 4> key = {0x0123456789abcdef, 0x55aa55aa12345678, 7, 0xfeed};

Words words_of(const std::string& text) {
  const Endpoint endpoint = *parse_endpoint(text, 53);
  std::array<uint8_t, 16> bytes{};
  if (endpoint.is_ipv6()) {
    std::memcpy(bytes.data(), endpoint.address.data(), 16);
  } else {
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(bytes.data() + 12, endpoint.address.data(), 4);
  }
  Words words;
  std::memcpy(words.data(), bytes.data(), 16);
  return words;
}
uint64_t source(const std::string& text) {
  return shield_source_hash(key.data(), words_of(text).data());
}
uint64_t prefix(const std::string& text) {
  return shield_prefix_hash(key.data(), words_of(text).data());
}

uint64_t entry(uint32_t hop, uint32_t rate_log2, uint32_t score, uint32_t flags = 0,
               uint32_t slot = 0) {
  return uint64_t{1} | uint64_t{hop} << SHIELD_HOP_SHIFT | uint64_t{slot} << SHIELD_SLOT_SHIFT |
         uint64_t{rate_log2} << SHIELD_RATE_SHIFT | uint64_t{score} << SHIELD_SCORE_SHIFT |
         uint64_t{flags} << SHIELD_FLAGS_SHIFT;
}

TEST(SourceLayout, ASourceIsAnIpv4AddressOrAnIpv6Network) {
  EXPECT_NE(source("192.0.2.1"), source("192.0.2.2"));
  EXPECT_NE(source("192.0.2.1"), prefix("192.0.2.1"));
  EXPECT_EQ(prefix("192.0.2.1"), prefix("192.0.2.254"));
  EXPECT_NE(prefix("192.0.2.1"), prefix("192.0.3.1"));
  EXPECT_EQ(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
  EXPECT_NE(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
  EXPECT_EQ(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:ffff::1"));
  EXPECT_NE(prefix("2001:db8:1:2::1"), prefix("2001:db8:2:2::1"));
}

// Another key moves every source to another place: what collides under one does not under another.
TEST(SourceLayout, CollisionsUnderOneKeySayNothingOfAnother) {
  std::mt19937_64 random(4);
  const std::array<__u64, 4> other = {random(), random(), random(), random()};
  Words words = words_of("10.0.0.0");
  const uint32_t line = shield_line_of(shield_source_hash(key.data(), words.data()));
  std::set<uint32_t> lines;
  size_t colliding = 0;
  for (uint32_t i = 1; i < 4'000'000; ++i) {
    words[3] = i;
    if (shield_line_of(shield_source_hash(key.data(), words.data())) != line) continue;
    ++colliding;
    lines.insert(shield_line_of(shield_source_hash(other.data(), words.data())));
  }
  EXPECT_GT(colliding, 30u);
  EXPECT_GE(lines.size() + 2, colliding);
}

TEST(SourceLayout, RatesAreThoseOfTheLastSecond) {
  uint64_t rate = 0;
  uint64_t now = 1'000'000;
  for (int i = 0; i < 3000; ++i) rate = shield_count(rate, now += 10);
  EXPECT_NEAR(shield_estimate(rate, now), 102, 3);
  rate = shield_count(rate, now + 5'000);
  EXPECT_EQ(shield_estimate(rate, now + 5'000), 1u);
  // The windows' numbers come round after 18 hours.
  now = (uint64_t{0xffff} << SHIELD_WINDOW_SHIFT) + 1000;
  for (int i = 0; i < 10; ++i) rate = shield_count(rate, now);
  rate = shield_count(rate, now + 25);
  EXPECT_NEAR(shield_estimate(rate, now + 25), 11, 1);
}

TEST(SourceLayout, JudgesBySlotsDistanceAndRate) {
  ShieldCommon common{};
  common.slot = 4;
  ShieldOrders orders{};
  orders.known_slots = 2;
  orders.usual_shift = 2;
  orders.known_floor = 16;
  orders.unknown_source = 8;
  orders.unknown_prefix = 50;
  orders.proved_source = 20;
  const auto judge = [&](uint64_t known, uint32_t hop, uint32_t rate, uint32_t prefix_rate = 0) {
    const uint32_t odd = shield_is_hop_odd(&common, known, hop);
    return shield_judge(&common, &orders, known, odd, rate, prefix_rate);
  };
  EXPECT_EQ(judge(0, 60, 8), shield_unknown_slow);
  EXPECT_EQ(judge(0, 60, 9), shield_unknown_fast);
  EXPECT_EQ(judge(0, 60, 1, 51), shield_unknown_fast) << "its neighbours count too";
  EXPECT_EQ(judge(entry(60, 0, 1), 60, 1), shield_unknown_slow) << "seen once only";
  EXPECT_EQ(judge(entry(60, 0, 2), 60, 16, 999), shield_known);
  EXPECT_EQ(judge(entry(60, 0, 2), 61, 16), shield_known);
  EXPECT_EQ(judge(entry(60, 0, 2), 62, 1), shield_known_odd);
  EXPECT_EQ(judge(entry(60, 0, 2), 0, 1), shield_known) << "distance not told";
  EXPECT_EQ(judge(entry(60, 0, 2, SHIELD_HOP_ODD_MAX), 90, 1), shield_known) << "many machines";
  EXPECT_EQ(judge(entry(60, 0, 2), 60, 17), shield_known_odd);
  EXPECT_EQ(judge(entry(60, 8, 2), 60, 1024), shield_known) << "four times its usual 256";
  EXPECT_EQ(judge(entry(60, 8, 2), 60, 1025), shield_known_odd);
  EXPECT_EQ(judge(entry(60, 0, 1, SHIELD_FLAG_PROVED, 4), 60, 20), shield_proved);
  EXPECT_EQ(judge(entry(60, 0, 1, SHIELD_FLAG_PROVED, 4), 60, 21), shield_unknown_fast);
  EXPECT_EQ(judge(entry(60, 0, 1, SHIELD_FLAG_PROVED, 1), 60, 1), shield_unknown_slow)
      << "long ago";
  EXPECT_EQ(judge(entry(60, 0, 0, SHIELD_FLAG_ALLOWED), 9, 9999), shield_known);
  EXPECT_EQ(judge(entry(60, 0, 9, SHIELD_FLAG_DENIED), 60, 1), shield_unknown_fast);
  common.known_slots = 2;
  orders.known_slots = 8;
  EXPECT_EQ(judge(entry(60, 0, 2), 60, 1'000), shield_known_odd) << "not known for long enough";
  EXPECT_EQ(judge(entry(60, 0, 1), 60, 1), shield_unknown_slow);
  orders.known_slots = 2;
  common.dry_run = SHIELD_DRY_RUN_HOP;
  EXPECT_EQ(judge(entry(60, 0, 2), 90, 1), shield_known);
}

TEST(SourceLayout, FindsATagWhereverItStands) {
  ShieldHistoryLine line{};
  for (uint64_t i = 0; i < SHIELD_LINE_ENTRIES; ++i) line.entries[i] = (i + 1) << 32 | (i + 100);
  for (uint32_t i = 0; i < SHIELD_LINE_ENTRIES; ++i) {
    EXPECT_EQ(shield_slot(shield_find(&line, i + 100)), i + 1);
  }
  EXPECT_EQ(shield_find(&line, 99), 0u);
}

}  // namespace
}  // namespace holdfast::shield
