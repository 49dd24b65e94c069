// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/card_budgets.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace holdfast::shield {
namespace {

constexpr uint64_t tick_ns = 20'000'000;

// A core that drops a packet in 400 ns and answers one in 700, and is told of its rest five times a
// second. Returns the share of packets that was answered, over the last second.
class Core {
 public:
  double play(uint32_t a_second, int ticks, uint32_t syns_a_second = 0) {
    uint64_t answered = 0;
    for (int i = 0; i < ticks; ++i) {
      const uint64_t packets = a_second / 50;
      const uint64_t replied = std::min<uint64_t>(packets, budgets.replies() / 50);
      busy_ns_ += packets * 400 + replied * 300;
      now_ += tick_ns;
      CardReading reading{.replied = replied, .syns = syns_a_second / 50};
      if (++ticks_ % 10 == 0) {
        const uint64_t busy = std::min<uint64_t>(busy_ns_, 10 * tick_ns);
        reading.core_idle_permille = static_cast<uint32_t>(1000 - busy * 1000 / (10 * tick_ns));
        busy_ns_ = 0;
      }
      budgets.tick(now_, tick_ns, reading);
      if (i >= ticks - 50) answered += replied;
    }
    return a_second == 0 ? 1 : static_cast<double>(answered) / a_second;
  }

  CardBudgets budgets;

 private:
  uint64_t now_ = 1'000'000'000;
  uint64_t busy_ns_ = 0;
  int ticks_ = 0;
};

TEST(CardBudgets, AllAreAnsweredWhileTheCoreHasTime) {
  Core core;
  EXPECT_GE(core.play(300'000, 100), 0.99);
  EXPECT_GE(core.play(1'000'000, 200), 0.99);
}

TEST(CardBudgets, BeyondThatAsManyAsItHasTimeFor) {
  Core core;
  const double share = core.play(1'700'000, 500);  // to drop them all takes 68 %
  EXPECT_GT(share, 0.2);
  EXPECT_LT(share, 0.65) << "a tenth of the core is left alone";
  (void)core.play(100'000, 500);
  EXPECT_GE(core.play(300'000, 100), 0.99) << "and it recovers";
}

// At the onset the core is full of answers, none of them cheap: that is no reason to shut the way
// to a proof.
TEST(CardBudgets, WhatIsNotUsedIsNotToBlame) {
  CardBudgets budgets;
  for (uint64_t i = 1; i < 100; ++i) {
    budgets.tick(i * tick_ns, tick_ns,
                 {.core_idle_permille = 0, .replied = i % 2 == 0 ? 100U : 0U});
  }
  EXPECT_EQ(budgets.replies(), CardBudgets::replies_start);
  for (uint64_t i = 100; i < 200; ++i) {
    budgets.tick(i * tick_ns, tick_ns, {.core_idle_permille = 0, .replied = 20'000});
  }
  EXPECT_LE(budgets.replies(), CardBudgets::replies_start / 2);
  EXPECT_GE(budgets.replies(), CardBudgets::replies_min);
}

TEST(CardBudgets, WithoutAMeasureItStaysWhereItBegan) {
  CardBudgets budgets;
  for (uint64_t i = 1; i < 500; ++i) budgets.tick(i * tick_ns, tick_ns, {.replied = 8'000});
  EXPECT_EQ(budgets.replies(), CardBudgets::replies_start);
}

TEST(CardBudgets, SynsAreLimitedWhileMoreComeThanCanBeServed) {
  Core core;
  (void)core.play(1'000, 100, 15'000);
  EXPECT_EQ(core.budgets.syns(), 0u) << "busy, no flood";
  (void)core.play(1'000, 2, 250'000);
  EXPECT_GE(core.budgets.syns(), CardBudgets::syns_min);
  (void)core.play(1'000, 240, 1'000);
  EXPECT_GT(core.budgets.syns(), 0u) << "it may come again";
  (void)core.play(1'000, 20, 1'000);
  EXPECT_EQ(core.budgets.syns(), 0u);
}

}  // namespace
}  // namespace holdfast::shield
