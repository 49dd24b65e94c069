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
      SocketReading reading{.strangers = static_cast<uint32_t>(done),
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

// A flood from addresses of known sources, which no filter keeps away: few of those that are lost
// are strangers, and to keep these away would not help.
TEST(SocketBudget, StrangersAreLeftAloneWhereTheKnownFlood) {
  SocketBudget budget;
  for (int i = 0; i < 100; ++i) {
    budget.tick(tick_ns, {.strangers = 10,
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
