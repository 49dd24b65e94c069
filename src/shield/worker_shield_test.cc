// SPDX-License-Identifier: GPL-3.0-or-later
// What a worker's shield makes of sources over many seconds, on a clock of its own: here a filter
// on its sockets is played, which lets through what the shield's tables say, by a seeded lot.
#include "shield/worker_shield.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <random>

#include "base/shared_memory.h"

namespace holdfast::shield {
namespace {

constexpr uint64_t ns_per_ms = 1'000'000;
constexpr uint32_t turns_a_second = 50;
constexpr std::array<uint8_t, 4> resolver{192, 0, 2, 9};
constexpr uint8_t usual_hop = 60;
constexpr uint8_t other_hop = 50;

class WorkerShieldTest : public testing::Test {
 protected:
  WorkerShieldTest() {
    ShieldCommon& common = memory_->common;
    for (__u64& word : common.key) word = random_();
    common.enabled = 1;
    common.slot = 10;
    common.known_slots = 2;
    common.unknown_source = 20;
    common.unknown_prefix = 200;
    shield_.emplace(*memory_, 0, *counters_);
  }

  // A turn of the loop, of 20 ms unless it is told: under pressure it stays overloaded.
  enum class Pressure : uint8_t { none, some };
  void turn(Pressure pressure, uint64_t ms = 1'000 / turns_a_second) {
    now_ns_ += ms * ns_per_ms;
    if (pressure == Pressure::some) {
      shield_->note_backlog(shield_->is_overloaded() ? 400 : 1'000, 0);
    }
    shield_->begin_turn(now_ns_);
  }
  void make_known() {
    for (uint32_t slot = 8; slot <= 10; ++slot) {
      memory_->common.slot = slot;
      turn(Pressure::none);
      shield_->look(0, resolver, usual_hop);
      shield_->remember(0);
    }
  }
  [[nodiscard]] bool is_trusted() const {
    uint32_t address = 0;
    std::memcpy(&address, resolver.data(), sizeof address);
    const __u32 words[4] = {0, 0, 0, address};  // of IPv4 the last alone counts
    const __u64 word = shield_source_word(words);
    return shield_->filter_tables().sources.are_trusted(
        source_places_of(shield_->bucket_key(), word));
  }
  // A second under overload with so many questions in the resolver's name. How many passed.
  uint32_t play_second(uint32_t questions, uint8_t hop, const FilterShares& shares,
                       uint32_t share_of_these) {
    uint32_t passed = 0;
    for (uint32_t i = 0; i < turns_a_second; ++i) {
      turn(Pressure::some);
      if (i % 10 == 0) {
        shield_->renew_filter_tables();
        shield_->note_filters(shares, SHIELD_SHARE_ONE);
      }
      due_ += questions;
      for (; due_ >= turns_a_second; due_ -= turns_a_second) {
        if (!is_trusted() && random_() % SHIELD_SHARE_ONE >= share_of_these) continue;
        ++passed;
        shield_->look(0, resolver, hop);
        (void)shield_->judge(0, no_name);
      }
    }
    return passed;
  }

  static constexpr std::array<uint8_t, 12> no_name{};
  SharedObject<ShieldMemory> memory_ = *SharedObject<ShieldMemory>::create("a test");
  std::unique_ptr<exchange::Counters> counters_ = std::make_unique<exchange::Counters>();
  std::optional<WorkerShield> shield_;
  std::mt19937_64 random_{27};
  uint64_t now_ns_ = 1'000'000 * ns_per_ms;
  uint32_t due_ = 0;
};

// Of a flood in its name less is received than it may ask itself, as the rest is kept away.
TEST_F(WorkerShieldTest, AThinnedFloodStaysOneAsLongAsItLasts) {
  constexpr uint32_t hundredth = SHIELD_SHARE_ONE / 100;
  const FilterShares shares{.strangers = hundredth, .telling = Telling::name};
  make_known();
  turn(Pressure::some);
  ASSERT_TRUE(shield_->is_overloaded());
  ASSERT_TRUE(is_trusted());
  ASSERT_LT(3'000U / 100, memory_->orders[0].known_floor);
  (void)play_second(3'000, usual_hop, shares, hundredth);
  for (int second = 1; second < 35; ++second) {
    EXPECT_LT(play_second(3'000, usual_hop, shares, hundredth), 100U) << second;
  }
  for (int second = 0; second < 15; ++second) {
    (void)play_second(2, usual_hop, shares, hundredth);
  }
  EXPECT_TRUE(is_trusted()) << "the flood is over, and it asks a little as ever";
}

// Where the filter lets familiar questions pass, what is received is what was sent.
TEST_F(WorkerShieldTest, WhoAsksWithinItsAllowanceIsNoLongerFlooded) {
  const FilterShares shares{.strangers = SHIELD_SHARE_ONE / 100, .telling = Telling::form};
  make_known();
  turn(Pressure::some);
  (void)play_second(3'000, other_hop, shares, shares.familiar);
  ASSERT_FALSE(is_trusted());
  for (int second = 0; second < 15; ++second) {
    EXPECT_EQ(play_second(10, other_hop, shares, shares.familiar), 10U) << second;
  }
  EXPECT_TRUE(is_trusted());
}

// The age of a mark is told modulo 255 slots: of who has not been seen for so long nothing is to be
// left, however quiet it was, and whether the shield was on or off meanwhile.
TEST_F(WorkerShieldTest, WhoHasLongBeenAwayIsNotTrustedAgain) {
  constexpr uint64_t minute_ms = 60'000;
  for (const uint32_t enabled : {1U, 0U}) {
    make_known();
    turn(Pressure::none, minute_ms);
    shield_->renew_filter_tables();
    ASSERT_TRUE(is_trusted());
    memory_->common.enabled = enabled;
    for (uint32_t slot = 11; slot <= 10 + 258; ++slot) {
      memory_->common.slot = slot;
      turn(Pressure::none, minute_ms);
    }
    memory_->common.enabled = 1;
    turn(Pressure::none);
    turn(Pressure::some);
    ASSERT_TRUE(shield_->is_overloaded());
    EXPECT_FALSE(is_trusted()) << enabled;
    for (int i = 0; i < 20; ++i) turn(Pressure::none, minute_ms);
    ASSERT_FALSE(shield_->is_overloaded());
  }
}

// Of absent names one in eight comes here once the zone is under attack, which alone would be none.
TEST_F(WorkerShieldTest, WhatACardDeniesCountsForTheZone) {
  const auto at_card = std::make_unique<XdpGateCounters>();
  const wire::Name apex = *wire::Name::from_text("example.org.");
  shield_->watch_gates({{.counters = at_card.get(), .queue = 0}});
  bool is_attacked = false;
  uint32_t attacked_turns = 0;
  const auto play = [&](uint32_t seconds, uint32_t absent_a_turn) {
    attacked_turns = 0;
    for (uint32_t i = 0; i < seconds * turns_a_second; ++i) {
      turn(Pressure::some);
      for (uint32_t name = 0; name < absent_a_turn; ++name) {
        if (is_attacked && name % 8 != 0) {
          ++at_card->packets[0][xdp_replied_nxdomain];
          continue;
        }
        is_attacked = shield_->is_under_attack(
            shield_->note_name(1, apex.view(), NameFact::absent, random_()));
      }
      attacked_turns += is_attacked ? 1 : 0;
    }
  };
  play(2, 16);
  ASSERT_TRUE(is_attacked);
  play(25, 16);
  EXPECT_EQ(attacked_turns, 25 * turns_a_second);
  play(15, 1);
  EXPECT_FALSE(is_attacked) << "it is over";
}

}  // namespace
}  // namespace holdfast::shield
