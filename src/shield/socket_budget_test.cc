// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/socket_budget.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace holdfast::shield {
namespace {

constexpr uint64_t tick_ns = 20'000'000;

// A core that receives a packet as far as the filter in 1.5 us, and answers one in 2.5 more. It is
// told of its rest five times a second, or never.
class Core {
 public:
  explicit Core(bool is_told = true) : is_told_(is_told) {}

  // Returns how many a second were answered, over the last second; what finds no time is lost.
  double play(uint32_t a_second, int ticks) {
    uint64_t answered = 0;
    for (int i = 0; i < ticks; ++i) {
      const uint64_t came = a_second / 50;
      const uint64_t passed = came * budget.share() / SHIELD_SHARE_ONE;
      const uint64_t room_ns = tick_ns - std::min(tick_ns, came * 1'500);
      const uint64_t done = std::min(passed, room_ns / 2'500);
      busy_ns_ += std::min(tick_ns, came * 1'500 + done * 2'500);
      SocketReading reading{.strangers = {static_cast<uint32_t>(done)},
                            .in_force = {.strangers = budget.share()},
                            .filtered = came - passed,
                            .lost = static_cast<uint32_t>(passed - done)};
      reading.is_pressed = reading.lost > 0;
      reading.worker_idle_permille =
          static_cast<uint32_t>((room_ns - done * 2'500) * 1000 / tick_ns);
      if (is_told_ && ++ticks_ % 10 == 0) {
        reading.core_idle_permille = static_cast<uint32_t>(1000 - busy_ns_ * 1000 / (10 * tick_ns));
        busy_ns_ = 0;
      }
      budget.tick(tick_ns, reading);
      lost = i + 50 > ticks ? lost + reading.lost : 0;
      if (i + 50 >= ticks) answered += done;
    }
    return static_cast<double>(answered);
  }

  SocketBudget budget;
  uint64_t lost = 0;  // over the last second

 private:
  bool is_told_;
  uint64_t busy_ns_ = 0;
  int ticks_ = 0;
};

TEST(SocketBudget, WhatHasRoomNeedsNoFilter) {
  Core core;
  (void)core.play(200'000, 500);
  EXPECT_EQ(core.budget.share(), SHIELD_SHARE_ONE);
}

TEST(SocketBudget, AsManyPassAsThereIsTimeFor) {
  Core core;
  (void)core.play(400'000, 500);
  // Of a second, 0.6 go to receiving: 160,000 could be answered in the rest.
  EXPECT_GE(core.play(400'000, 50), 75'000.0);
  EXPECT_EQ(core.lost, 0u);
  EXPECT_LT(core.budget.share(), SHIELD_SHARE_ONE / 2);
}

TEST(SocketBudget, FindsItsWayWithoutBeingToldOfTheCore) {
  Core core(false);
  (void)core.play(400'000, 1'000);
  EXPECT_GE(core.play(400'000, 50), 55'000.0);
  EXPECT_EQ(core.lost, 0u);
}

// A flood of so many a second of each familiarity, of which as many pass as the shares have it, or
// all where no filter carries them out.
struct Kinds {
  using Rates = std::array<uint64_t, familiarities>;
  bool is_filtered = true;
  SocketBudget budget;
  Rates passed{};  // in the last tick
  uint64_t sum = 0;

  void play(const Rates& rates, uint32_t idle, int ticks) {
    for (int i = 0; i < ticks; ++i) {
      SocketReading reading;
      if (is_filtered) reading.in_force = ordered();
      sum = 0;
      for (size_t kind = 0; kind < familiarities; ++kind) {
        passed[kind] = rates[kind] / 50 * reading.in_force.of(kind) / SHIELD_SHARE_ONE;
        reading.strangers[kind] = static_cast<uint32_t>(passed[kind]);
        reading.filtered += rates[kind] / 50 - passed[kind];
        sum += passed[kind];
      }
      if (i % 10 == 9) reading.core_idle_permille = idle;
      budget.tick(tick_ns, reading);
    }
  }
  [[nodiscard]] FilterShares ordered() const {
    return {.strangers = budget.share(),
            .telling = budget.telling(),
            .familiar = budget.familiar_share()};
  }
};
constexpr uint32_t enough = 160;  // permille of the core: neither more nor less may pass
constexpr size_t of_neither = familiarity(false, false);
constexpr size_t of_form = familiarity(true, false);
constexpr size_t of_name = familiarity(false, true);
constexpr size_t of_both = familiarity(true, true);

TEST(SocketBudget, WhereMostAreOfAnUnusualFormTheOthersGoFirst) {
  Kinds kinds;
  kinds.play({100'000, 1'000, 190'000, 9'000}, enough, 20);
  EXPECT_EQ(kinds.budget.telling(), Telling::form);
  EXPECT_EQ(kinds.budget.passes(), 75'000u) << "a quarter at first, and so it stays";
  EXPECT_EQ(kinds.passed[of_form], 20u) << "all of them";
  EXPECT_EQ(kinds.passed[of_both], 180u);
  EXPECT_NEAR(static_cast<double>(kinds.sum), 1'500, 15) << "the others get the rest";
  EXPECT_GT(kinds.passed[of_name], 700u);
}

TEST(SocketBudget, WhereMostNamesAreMadeUpFamiliarOnesGoFirst) {
  Kinds kinds;
  kinds.play({1'000, 260'000, 1'000, 38'000}, enough, 20);
  EXPECT_EQ(kinds.budget.telling(), Telling::name);
  EXPECT_EQ(kinds.passed[of_both], 760u);
  EXPECT_EQ(kinds.passed[of_name], 20u);
  EXPECT_NEAR(static_cast<double>(kinds.sum), 1'500, 15);
}

TEST(SocketBudget, FormAndNameTogetherWhereNeitherIsEnough) {
  Kinds kinds;
  kinds.play({0, 140'000, 140'000, 20'000}, enough, 20);
  EXPECT_EQ(kinds.budget.telling(), Telling::both);
  EXPECT_EQ(kinds.passed[of_both], 400u);
  EXPECT_LT(kinds.passed[of_form], 1'500u);
}

TEST(SocketBudget, WhereNothingTellsAllHaveTheSameShare) {
  Kinds kinds;
  kinds.play({0, 30'000, 20'000, 250'000}, enough, 20);
  EXPECT_EQ(kinds.budget.telling(), Telling::nothing);
  EXPECT_EQ(kinds.budget.share(), kinds.budget.familiar_share());
  EXPECT_NEAR(static_cast<double>(kinds.sum), 1'500, 15);
  EXPECT_NEAR(static_cast<double>(kinds.passed[of_both]), 1'250, 15);
}

// Where even the familiar are too many, they get most of what may pass.
TEST(SocketBudget, TooManyWhoAreFamiliarGetMostOfWhatMayPass) {
  Kinds kinds;
  kinds.play({180'000, 0, 0, 120'000}, enough, 20);
  EXPECT_NE(kinds.budget.telling(), Telling::nothing);
  EXPECT_NEAR(static_cast<double>(kinds.passed[of_both]), 1'312, 15) << "seven in eight";
  EXPECT_NEAR(static_cast<double>(kinds.passed[of_neither]), 187, 5);
}

// Between a half and three quarters of what comes it stays as it was.
TEST(SocketBudget, ItDoesNotTurnToAndFro) {
  Kinds told;
  told.play({160'000, 140'000, 0, 0}, enough, 20);
  EXPECT_EQ(told.budget.telling(), Telling::name) << "by which nobody is familiar";
  told.play({160'000, 70'000, 0, 70'000}, enough, 20);
  EXPECT_EQ(told.budget.telling(), Telling::name);
  told.play({100'000, 0, 0, 200'000}, enough, 20);
  EXPECT_EQ(told.budget.telling(), Telling::name);
  told.play({50'000, 0, 0, 250'000}, enough, 20);
  EXPECT_EQ(told.budget.telling(), Telling::nothing);
  told.play({100'000, 0, 0, 200'000}, enough, 20);
  EXPECT_EQ(told.budget.telling(), Telling::nothing);
}

// In a dry run, or where the kernel takes no filter, everything comes all the same.
TEST(SocketBudget, WhatNoFilterCarriesOutIsOrderedAsEver) {
  const std::array<Kinds::Rates, 4> floods{{{0, 30'000, 20'000, 250'000},
                                            {0, 260'000, 0, 40'000},
                                            {180'000, 0, 0, 120'000},
                                            {100'000, 1'000, 190'000, 9'000}}};
  Kinds filtered;
  Kinds dry;
  dry.is_filtered = false;
  for (size_t i = 0; i < floods.size(); ++i) {
    filtered.play(floods[i], enough, 40);
    dry.play(floods[i], enough, 40);
    const FilterShares orders = filtered.ordered();
    const FilterShares would = dry.ordered();
    EXPECT_EQ(would.telling, orders.telling) << i;
    EXPECT_NEAR(would.strangers, orders.strangers, orders.strangers / 50.0) << i;
    EXPECT_NEAR(would.familiar, orders.familiar, orders.familiar / 50.0) << i;
  }
  EXPECT_EQ(dry.budget.telling(), Telling::form);
}

TEST(SocketBudget, MuchRoomIsUsedSoon) {
  Kinds kinds;
  kinds.play({0, 0, 0, 4'000}, enough, 10);
  ASSERT_EQ(kinds.budget.passes(), SocketBudget::passes_min);
  kinds.play({0, 0, 0, 300'000}, 500, 100);
  EXPECT_GT(kinds.budget.passes(), 100'000u) << "within two seconds";
}

// A flood from addresses of known sources, which no filter keeps away: few of those that are lost
// are strangers, and to keep these away would not help.
TEST(SocketBudget, StrangersAreLeftAloneWhereTheKnownFlood) {
  SocketBudget budget;
  for (int i = 0; i < 100; ++i) {
    budget.tick(tick_ns, {.strangers = {10},
                          .others = 3'000,
                          .lost = 3'000,
                          .core_idle_permille = i % 10 == 0 ? 0 : CardReading::not_told,
                          .is_pressed = true});
    EXPECT_EQ(budget.share(), SHIELD_SHARE_ONE) << i;
  }
}

TEST(SocketBudget, BeyondAllMeasureTheLeastPass) {
  Core core;
  (void)core.play(2'000'000, 500);
  EXPECT_EQ(core.budget.passes(), SocketBudget::passes_min);
  EXPECT_GE(core.budget.share(), 1u);
}

TEST(SocketBudget, TheFirstTickDecidesAndTheEndIsSeenSoon) {
  Core core;
  (void)core.play(400'000, 1);
  EXPECT_LT(core.budget.share(), SHIELD_SHARE_ONE);
  (void)core.play(400'000, 500);
  (void)core.play(1'000, 20);
  EXPECT_EQ(core.budget.share(), SHIELD_SHARE_ONE) << "within 400 ms";
  core.budget.end();
  EXPECT_EQ(core.budget.passes(), 0u);
}

}  // namespace
}  // namespace holdfast::shield
