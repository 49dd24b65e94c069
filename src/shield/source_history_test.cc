// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/source_history.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace holdfast::shield {
namespace {

class SourceHistoryTest : public testing::Test {
 protected:
  static constexpr uint32_t known_slots = 2;

  [[nodiscard]] uint32_t score(__u64 hash) const { return shield_score(history_.find(hash)); }
  [[nodiscard]] bool is_known(__u64 hash) const { return score(hash) >= known_slots; }
  static __u64 hash_in_line(uint32_t line, uint32_t tag) {
    return __u64{tag} << 16 | (line & (SHIELD_HISTORY_LINES - 1));
  }

  std::vector<ShieldHistoryLine> lines_ = std::vector<ShieldHistoryLine>(SHIELD_HISTORY_LINES);
  SourceHistory history_{
      std::span<ShieldHistoryLine, SHIELD_HISTORY_LINES>(lines_.data(), lines_.size())};
};

TEST_F(SourceHistoryTest, OneIsKnownAfterDistinctSlotsNotAfterManyQuestions) {
  for (int i = 0; i < 100'000; ++i) history_.learn({.hash = 7, .hop = 60, .rate = 1}, 10);
  EXPECT_EQ(score(7), 1u);
  history_.learn({.hash = 7, .hop = 60, .rate = 1}, 11);
  EXPECT_TRUE(is_known(7));
  EXPECT_FALSE(is_known(8));
  EXPECT_EQ(shield_hop(history_.find(7)), 60u);
}

TEST_F(SourceHistoryTest, ARateRisesEightfoldASlotAndFallsSlowly) {
  history_.learn({.hash = 7, .hop = 60, .rate = 100'000}, 1);
  EXPECT_EQ(shield_rate(history_.find(7)), 3u);
  history_.learn({.hash = 7, .hop = 60, .rate = 100'000}, 1);
  EXPECT_EQ(shield_rate(history_.find(7)), 3u);
  history_.learn({.hash = 7, .hop = 60, .rate = 20}, 2);
  EXPECT_EQ(shield_rate(history_.find(7)), 5u);
  for (uint32_t slot = 3; slot < 3 + 32; ++slot) {
    history_.learn({.hash = 7, .hop = 60, .rate = 1}, slot);
  }
  EXPECT_EQ(shield_rate(history_.find(7)), 1u);
}

TEST_F(SourceHistoryTest, ANewDistanceIsTakenOverAndAChangingOneDistrusted) {
  ShieldCommon common{};
  for (uint32_t slot = 0; slot < 4; ++slot) history_.learn({.hash = 7, .hop = 60, .rate = 1}, slot);
  EXPECT_TRUE(shield_is_hop_odd(&common, history_.find(7), 50));
  history_.learn({.hash = 7, .hop = 50, .rate = 1}, 5);
  EXPECT_TRUE(shield_is_hop_odd(&common, history_.find(7), 50)) << "it may be forged";
  history_.learn({.hash = 7, .hop = 50, .rate = 1}, 6);
  EXPECT_FALSE(shield_is_hop_odd(&common, history_.find(7), 50));
  history_.learn({.hash = 7, .hop = 50, .rate = 1}, 7);
  EXPECT_FALSE(shield_is_hop_odd(&common, history_.find(7), 50));
  EXPECT_TRUE(shield_is_hop_odd(&common, history_.find(7), 60));
  for (uint32_t slot = 8; slot < 14; ++slot) {
    history_.learn({.hash = 7, .hop = static_cast<uint8_t>(slot % 2 == 0 ? 60 : 50), .rate = 1},
                   slot);
  }
  EXPECT_FALSE(shield_is_hop_odd(&common, history_.find(7), 200));
}

// Whoever forges a source may know when a slot begins, and come first.
TEST_F(SourceHistoryTest, NobodyTakesASourcesPlaceByAskingFirst) {
  const ShieldCommon common{};
  for (uint32_t slot = 0; slot < 4; ++slot) history_.learn({.hash = 7, .hop = 60, .rate = 1}, slot);
  for (uint32_t slot = 4; slot < 20; ++slot) {
    history_.learn({.hash = 7, .hop = 50, .rate = 1}, slot);
    EXPECT_FALSE(shield_is_hop_odd(&common, history_.find(7), 60)) << slot;
    history_.learn({.hash = 7, .hop = 60, .rate = 1}, slot);
    EXPECT_FALSE(shield_is_hop_odd(&common, history_.find(7), 60)) << slot;
  }
  EXPECT_EQ(shield_hop(history_.find(7)), 60u);
}

TEST_F(SourceHistoryTest, WhoArrivesANoiseAwayIsSeenFromHisDistance) {
  const ShieldCommon common{};
  for (uint32_t slot = 0; slot < 4; ++slot) history_.learn({.hash = 7, .hop = 60, .rate = 1}, slot);
  for (uint32_t slot = 4; slot < 20; ++slot) {
    history_.learn({.hash = 7, .hop = 50, .rate = 1}, slot);
    history_.learn({.hash = 7, .hop = 61, .rate = 1}, slot);
    EXPECT_FALSE(shield_is_hop_odd(&common, history_.find(7), 61)) << slot;
  }
  EXPECT_EQ(shield_hop(history_.find(7)), 60u);
}

TEST_F(SourceHistoryTest, NobodyWalksToAnotherDistance) {
  for (uint32_t slot = 0; slot < 4; ++slot) history_.learn({.hash = 7, .hop = 60, .rate = 1}, slot);
  for (uint32_t slot = 4; slot < 20; ++slot) {
    const __u64 entry = history_.find(7);
    history_.learn({.hash = 7, .hop = static_cast<uint8_t>(shield_hop(entry) - 1), .rate = 1},
                   slot);
    history_.learn({.hash = 7, .hop = 60, .rate = 1}, slot);
  }
  EXPECT_EQ(shield_hop(history_.find(7)), 60u);
}

// Poisoned history: a flood of new sources in quiet times, aimed at one line, displaces nobody that
// is known.
TEST_F(SourceHistoryTest, NewcomersDisplaceOnlyNewcomers) {
  std::vector<__u64> resolvers;
  for (uint32_t tag = 1; tag <= 6; ++tag) resolvers.push_back(hash_in_line(9, tag));
  for (uint32_t slot = 0; slot < 3; ++slot) {
    for (const __u64 hash : resolvers) history_.learn({.hash = hash, .hop = 60, .rate = 4}, slot);
  }
  for (uint32_t tag = 100; tag < 50'000; ++tag) {
    history_.learn({.hash = hash_in_line(9, tag), .hop = 60, .rate = 1}, 3 + tag / 10'000);
  }
  for (const __u64 hash : resolvers) EXPECT_TRUE(is_known(hash));
  // Who has not been seen for long makes room.
  history_.learn({.hash = hash_in_line(9, 77), .hop = 60, .rate = 1}, 100);
  history_.learn({.hash = hash_in_line(9, 78), .hop = 60, .rate = 1}, 100);
  history_.learn({.hash = hash_in_line(9, 79), .hop = 60, .rate = 1}, 100);
  EXPECT_EQ(score(hash_in_line(9, 77)) + score(hash_in_line(9, 78)) + score(hash_in_line(9, 79)),
            3u);
}

TEST_F(SourceHistoryTest, TcpProvesForTheSlotAndCountsAsSeen) {
  history_.prove({.hash = 7, .hop = 0, .rate = 1}, 10);
  EXPECT_TRUE((shield_flags(history_.find(7)) & SHIELD_FLAG_PROVED) != 0);
  history_.learn({.hash = 7, .hop = 55, .rate = 1}, 10);
  history_.learn({.hash = 7, .hop = 55, .rate = 1}, 11);
  EXPECT_TRUE(is_known(7));
  EXPECT_EQ(shield_hop(history_.find(7)), 55u);
}

TEST_F(SourceHistoryTest, TheOperatorsWordStaysUntilItIsTakenBack) {
  const __u64 hash = hash_in_line(9, 1);
  history_.set_operator_flag(hash, SHIELD_FLAG_DENIED, 0);
  for (uint32_t tag = 100; tag < 1000; ++tag) {
    history_.learn({.hash = hash_in_line(9, tag), .hop = 60, .rate = 1}, 1);
  }
  EXPECT_EQ(history_.expire(230, 100), 7u);
  EXPECT_EQ(history_.summarise(known_slots).denied, 1u);
  history_.set_operator_flag(hash, SHIELD_FLAG_ALLOWED, 230);
  EXPECT_EQ(history_.summarise(known_slots).denied, 0u);
  EXPECT_EQ(history_.summarise(known_slots).allowed, 1u);
  history_.set_operator_flag(hash, 0, 230);
  EXPECT_EQ(history_.summarise(known_slots).allowed, 0u);
}

TEST_F(SourceHistoryTest, ExpiresPartByPart) {
  std::mt19937_64 random(12);
  for (uint32_t i = 0; i < 10'000; ++i)
    history_.learn({.hash = random(), .hop = 60, .rate = 1}, 10);
  size_t removed = 0;
  for (uint32_t part = 7; part < 7 + SourceHistory::parts; ++part) {
    const size_t now = history_.expire_part(part, 60, 40);
    EXPECT_NEAR(static_cast<double>(now), 10'000.0 / SourceHistory::parts, 100);
    removed += now;
  }
  EXPECT_NEAR(static_cast<double>(removed), 10'000, 5);
  EXPECT_EQ(history_.summarise(1).entries, 0u);
}

TEST_F(SourceHistoryTest, WhatIsNotSeenExpires) {
  std::mt19937_64 random(11);
  for (uint32_t i = 0; i < 10'000; ++i) {
    history_.learn({.hash = random(), .hop = 60, .rate = 1}, i < 5'000 ? 10 : 20);
  }
  EXPECT_EQ(history_.expire(50, 40), 0u);
  EXPECT_NEAR(static_cast<double>(history_.expire(55, 40)), 5'000, 5);
  EXPECT_NEAR(static_cast<double>(history_.summarise(1).entries), 5'000, 5);
}

}  // namespace
}  // namespace holdfast::shield
