// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/admission.h"

#include <gtest/gtest.h>

#include <map>

namespace holdfast::shield {
namespace {

// A worker of bounded capacity in time of its own: an answer and a drop cost what they cost on a
// core that also receives.
class Model {
 public:
  static constexpr uint64_t answer_ns = 4'000;
  static constexpr uint64_t drop_ns = 600;

  // Plays a second of traffic, a tick at a time. Returns the share of each rank that was answered.
  std::map<Rank, double> play(const std::map<Rank, uint32_t>& a_second, int ticks = 50) {
    std::map<Rank, uint64_t> asked;
    std::map<Rank, uint64_t> answered;
    for (int tick = 0; tick < ticks; ++tick) {
      LoadReading reading;
      uint64_t budget_ns = AdmissionControl::tick_ns;
      double lost = 0;
      for (const auto& [rank, rate] : a_second) {
        const uint32_t count = rate / 50;
        for (uint32_t i = 0; i < count; ++i) {
          ++asked[rank];
          const bool admitted = !control.is_overloaded() || admits(rank);
          const uint64_t cost = admitted ? answer_ns : drop_ns;
          if (budget_ns < cost) {
            lost += 1;
            continue;
          }
          budget_ns -= cost;
          ++(control.is_overloaded() ? reading.judged : reading.answers);
          if (admitted) ++answered[rank];
        }
      }
      reading.turned_away = turned_away;
      reading.is_filtered = is_filtered;
      reading.filtered = filtered;
      reading.idle_ns = budget_ns;
      reading.busy_ns = AdmissionControl::tick_ns - budget_ns;
      reading.drops = static_cast<uint32_t>(lost);
      reading.backlog_permille = lost > 0 ? 1000 : 0;
      now += AdmissionControl::tick_ns;
      control.tick(now, reading);
    }
    std::map<Rank, double> share;
    for (const auto& [rank, count] : asked) {
      share[rank] = static_cast<double>(answered[rank]) / static_cast<double>(count);
    }
    return share;
  }

  bool admits(Rank rank) {
    if (rank != Rank::known && rank != Rank::proved) return control.admits(rank);
    control.note_known();
    return true;
  }

  AdmissionControl control;
  uint64_t turned_away = 0;  // a tick, at the card
  bool is_filtered = false;
  uint64_t filtered = 0;  // a tick
  uint64_t now = 1'000'000'000;
};

TEST(Admission, QuietAndBusyDaysTriggerNothing) {
  Model model;
  for (int second = 0; second < 60; ++second) {
    // From nothing to 95 % of the core: a flash crowd or a retry storm within capacity.
    const auto rate = static_cast<uint32_t>(second * 3'900);
    (void)model.play({{Rank::known, rate}});
    ASSERT_FALSE(model.control.is_overloaded()) << rate;
  }
  EXPECT_TRUE(model.control.may_learn(model.now));
}

TEST(Admission, UnderAFloodTheKnownAreAnsweredAndTheRestSharesWhatIsLeft) {
  Model model;
  const std::map<Rank, uint32_t> flood = {{Rank::known, 1'000}, {Rank::slow, 300'000}};
  (void)model.play(flood);
  EXPECT_TRUE(model.control.is_overloaded());
  EXPECT_FALSE(model.control.may_learn(model.now));
  (void)model.play(flood, 200);
  const auto share = model.play(flood, 500);
  EXPECT_GE(share.at(Rank::known), 0.999);
  EXPECT_GT(share.at(Rank::slow), 0.08) << "what is left of the core is used";
  EXPECT_EQ(model.control.level(), 1u);
}

TEST(Admission, HigherRanksAreServedFirst) {
  Model model;
  const std::map<Rank, uint32_t> flood = {
      {Rank::odd, 10'000}, {Rank::slow, 20'000}, {Rank::absent, 250'000}, {Rank::fast, 30'000}};
  (void)model.play(flood, 200);
  const auto share = model.play(flood, 500);
  EXPECT_GE(share.at(Rank::odd), 0.95);
  EXPECT_GE(share.at(Rank::slow), 0.6);
  EXPECT_GT(share.at(Rank::absent), 0.3) << "what is left is theirs";
  EXPECT_LT(share.at(Rank::absent), 0.8);
  EXPECT_LE(share.at(Rank::fast), 0.01);
}

TEST(Admission, EndsSomeSecondsAfterTheFlood) {
  Model model;
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 300'000}}, 500);
  ASSERT_TRUE(model.control.is_overloaded());
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 100}}, 250 + 150);
  EXPECT_FALSE(model.control.is_overloaded());
  EXPECT_FALSE(model.control.may_learn(model.now)) << "not yet";
  (void)model.play({{Rank::known, 1'000}}, 600);
  EXPECT_TRUE(model.control.may_learn(model.now));
}

// While the flood goes on it is not over, however well it is held down.
TEST(Admission, DoesNotEndWhileSomethingIsShed) {
  Model model;
  const std::map<Rank, uint32_t> flood = {{Rank::known, 1'000}, {Rank::slow, 280'000}};
  (void)model.play(flood, 100);
  for (int i = 0; i < 3'000; i += 50) {
    (void)model.play(flood, 50);
    ASSERT_TRUE(model.control.is_overloaded());
  }
}

// Nor while it is held down at the card, of which nothing comes here.
TEST(Admission, DoesNotEndWhileSomethingIsTurnedAwayAtTheCard) {
  Model model;
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 300'000}}, 100);
  ASSERT_TRUE(model.control.is_overloaded());
  model.turned_away = 1'000;  // 50,000 a second
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 100}}, 2'000);
  EXPECT_TRUE(model.control.is_overloaded());
  model.turned_away = 40'000;
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 20'000}}, 100);
  EXPECT_LE(model.control.budget(), 2'000U) << "at two million a second the core is the kernel's";
  model.turned_away = 0;
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 100}}, 400);
  EXPECT_FALSE(model.control.is_overloaded());
}

// A tick of a worker with a card's queue, which has time left by itself.
LoadReading ring_reading(uint32_t permille, uint32_t drops) {
  LoadReading reading;
  reading.ring_permille = permille;
  reading.ring_drops = drops;
  reading.busy_ns = AdmissionControl::tick_ns / 2;
  reading.idle_ns = AdmissionControl::tick_ns / 2;
  return reading;
}

TEST(Admission, ARingThatAStallHasFilledIsNoOverload) {
  AdmissionControl control;
  uint64_t now = 1'000'000'000;
  control.tick(now, ring_reading(0, 0));
  for (int i = 0; i < 50; ++i) {
    control.tick(now += AdmissionControl::tick_ns, ring_reading(1000, 1'000));
    EXPECT_FALSE(control.is_overloaded());
    control.tick(now += AdmissionControl::tick_ns, ring_reading(0, 0));
    ASSERT_FALSE(control.is_overloaded());
  }
  control.tick(now += AdmissionControl::tick_ns, ring_reading(500, 0));
  control.tick(now += AdmissionControl::tick_ns, ring_reading(500, 0));
  EXPECT_TRUE(control.is_overloaded()) << "it has stood for 40 ms";
}

// Order before refusal: who is known is not to wait behind a burst of strangers.
TEST(Admission, ARingThatWasNearlyFullIsServedInOrderOfTrust) {
  AdmissionControl control;
  uint64_t now = 1'000'000'000;
  ShieldOrders orders{};
  control.tick(now, ring_reading(0, 0));
  control.write_orders({}, now, orders);
  EXPECT_EQ(orders.sorts, 0U);
  LoadReading burst = ring_reading(0, 100);
  burst.is_brimful = true;
  control.tick(now += AdmissionControl::tick_ns, burst);
  EXPECT_FALSE(control.is_overloaded());
  control.write_orders({}, now, orders);
  EXPECT_EQ(orders.sorts, 1U);
  EXPECT_EQ(orders.level, 0U);
  EXPECT_EQ(orders.learning, 1U);
  for (size_t i = 0; i < shield_classes; ++i) EXPECT_EQ(orders.share[i], SHIELD_SHARE_ONE);
  for (int i = 0; i < 251; ++i) control.tick(now += AdmissionControl::tick_ns, ring_reading(0, 0));
  control.write_orders({}, now, orders);
  EXPECT_EQ(orders.sorts, 0U) << "five seconds later";
}

TEST(Admission, ARingThatLosesMuchIsOverloadAtOnce) {
  AdmissionControl control;
  control.tick(1'000'000'000, ring_reading(0, 0));
  control.tick(1'005'000'000, ring_reading(900, 2'000));
  EXPECT_TRUE(control.is_overloaded());
}

// The program at the card keeps the rings short while those who count as known fill the core, and
// nothing is left for anybody else.
TEST(Admission, TheLevelRisesWhenTheKnownFillTheCoreBehindACard) {
  Model model;
  (void)model.play({{Rank::known, 400'000}}, 3);
  ASSERT_TRUE(model.control.is_overloaded());
  for (int i = 0; i < 100; ++i) {
    for (int k = 0; k < 1'000; ++k) model.control.note_known();
    LoadReading reading = ring_reading(0, 0);
    reading.turned_away = 10'000;
    reading.card.core_idle_permille = 20;
    model.control.tick(model.now += AdmissionControl::tick_ns, reading);
  }
  EXPECT_GE(model.control.level(), 3u);
}

// Many times what is usual, in the names of the known: the others' budget is not what is too much.
TEST(Admission, TheLevelRisesAtOnceWhenTheKnownAreManyTimesTheUsual) {
  for (const uint32_t usual : {20U, 1'000U}) {  // a tick
    AdmissionControl control;
    uint64_t now = 1'000'000'000;
    const auto tick = [&](uint32_t known, uint32_t answers, uint32_t drops) {
      for (uint32_t i = 0; i < known; ++i) control.note_known();
      for (uint32_t i = 0; i < known; ++i) (void)control.admits(Rank::slow);
      LoadReading reading = ring_reading(0, 0);
      reading.answers = answers;
      reading.drops = drops;
      control.tick(now += AdmissionControl::tick_ns, reading);
    };
    for (int i = 0; i < 2'000; ++i) tick(0, usual, 0);
    tick(0, 4'000, 100);
    ASSERT_TRUE(control.is_overloaded());
    for (int i = 0; i < 12; ++i) tick(1'000, 0, 100);
    EXPECT_EQ(control.level(), usual == 20 ? 2U : 1U)
        << "50,000 a second are usual, or they are not";
  }
}

// A ring that is brimful has ticks come early. What floods meanwhile is no more usual for that.
TEST(Admission, WhatIsUsualIsLearnedByTimeNotByTicks) {
  for (const uint64_t ticks_a_tick : {1U, 4U}) {
    AdmissionControl control;
    uint64_t now = 1'000'000'000;
    const auto tick = [&](uint32_t known, uint32_t answers, uint32_t drops, uint64_t span_ns) {
      for (uint32_t i = 0; i < known; ++i) control.note_known();
      for (uint32_t i = 0; i < known; ++i) (void)control.admits(Rank::slow);
      LoadReading reading = ring_reading(0, 0);
      reading.is_brimful = true;
      reading.answers = answers;
      reading.drops = drops;
      control.tick(now += span_ns, reading);
    };
    for (int i = 0; i < 2'000; ++i) tick(0, 20, 0, AdmissionControl::tick_ns);
    // Two seconds of 50,000 a second: then a fifth of that is usual, of a time constant of ten.
    for (uint64_t i = 0; i < 100 * ticks_a_tick; ++i) {
      tick(0, static_cast<uint32_t>(1'000 / ticks_a_tick), 0,
           AdmissionControl::tick_ns / ticks_a_tick);
    }
    tick(0, 4'000, 100, AdmissionControl::tick_ns);
    ASSERT_TRUE(control.is_overloaded());
    for (int i = 0; i < 12; ++i) tick(1'000, 0, 100, AdmissionControl::tick_ns);
    EXPECT_EQ(control.level(), 2U) << ticks_a_tick << ": 50,000 are more than four times the usual";
  }
}

// When those who count as known are too many, more is asked of them.
TEST(Admission, TheLevelRisesWhenTheKnownAloneAreTooMany) {
  Model model;
  (void)model.play({{Rank::known, 400'000}}, 100);
  EXPECT_EQ(model.control.level(), AdmissionControl::level_max);
  AdmissionLimits limits;
  ShieldOrders first{};
  ShieldOrders now{};
  AdmissionControl::write_allowances(limits, 1, first);
  model.control.write_orders(limits, model.now, now);
  EXPECT_LT(now.known_floor, first.known_floor);
  EXPECT_LT(now.usual_shift, first.usual_shift);
  EXPECT_GT(now.known_slots, first.known_slots);
  (void)model.play({{Rank::known, 1'000}}, 2'000);
  EXPECT_FALSE(model.control.is_overloaded());
}

// More strangers than can even be dropped: nothing is gained by doubting the known.
TEST(Admission, StrangersAloneDoNotRaiseTheDemandsOnTheKnown) {
  Model model;
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 3'000'000}}, 200);
  EXPECT_EQ(model.control.level(), AdmissionControl::blind_level);
  ShieldOrders first{};
  ShieldOrders now{};
  AdmissionControl::write_allowances({}, 1, first);
  model.control.write_orders({}, model.now, now);
  EXPECT_EQ(now.known_floor, first.known_floor);
  EXPECT_EQ(now.known_slots, first.known_slots);
}

TEST(Admission, CheapAnswersAreBounded) {
  Model model;
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 300'000}}, 100);
  uint32_t cheap = 0;
  while (model.control.truncates(Proof::stream)) ++cheap;
  EXPECT_GT(cheap, 0u);
  EXPECT_TRUE(model.control.truncates(Proof::cookie)) << "its own part";
  while (model.control.truncates(Proof::cookie)) ++cheap;
  EXPECT_LE(cheap, model.control.budget() / 50 + 5) << "they cost as much as half of the answers";
  EXPECT_GE(cheap, model.control.budget() / 60);
}

// A server that nobody has asked yet, and more than it can answer: nobody is to be protected.
TEST(Admission, WhereNobodyIsKnownStrangersGetNearlyAllThereIs) {
  Model model;
  const std::map<Rank, uint32_t> flood = {{Rank::slow, 400'000}};
  (void)model.play(flood, 500);
  EXPECT_TRUE(model.control.is_open());
  // A drop costs 0.6 us, an answer 4: 35,000 a second would be all that the core can.
  const auto share = model.play(flood, 500);
  EXPECT_GE(share.at(Rank::slow) * 400'000, 0.6 * 35'000);
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 400'000}}, 100);
  EXPECT_FALSE(model.control.is_open()) << "now there is somebody";
}

// What a filter has let through is all to be answered, by TC at least.
TEST(Admission, WhatAFilterLetsThroughIsNotTurnedAwayUnheard) {
  Model model;
  model.is_filtered = true;
  const std::map<Rank, uint32_t> flood = {{Rank::known, 1'000}, {Rank::slow, 100'000}};
  (void)model.play(flood, 20);
  ASSERT_FALSE(model.control.is_overloaded());
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 400'000}}, 20);
  ASSERT_TRUE(model.control.is_overloaded());
  (void)model.play(flood, 1);
  uint32_t cheap = 0;
  while (cheap < 10'000 && model.control.truncates(Proof::stream)) ++cheap;
  EXPECT_EQ(cheap, 10'000u) << "in 20 ms";
}

TEST(Admission, DoesNotEndWhileAFilterKeepsSomethingAway) {
  Model model;
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 300'000}}, 100);
  ASSERT_TRUE(model.control.is_overloaded());
  model.is_filtered = true;
  model.filtered = 1'000;
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 100}}, 2'000);
  EXPECT_TRUE(model.control.is_overloaded());
  model.filtered = 0;
  (void)model.play({{Rank::known, 1'000}, {Rank::slow, 100}}, 400);
  EXPECT_FALSE(model.control.is_overloaded());
}

TEST(Admission, OrdersOfAQuietWorkerLetEverythingThrough) {
  const AdmissionControl control;
  ShieldOrders orders{};
  control.write_orders({}, 5'000'000'000, orders);
  EXPECT_EQ(orders.level, 0u);
  EXPECT_EQ(orders.learning, 1u);
  EXPECT_EQ(orders.beat_ms, 5'000u);
  for (size_t i = 0; i < shield_classes; ++i) EXPECT_EQ(orders.share[i], SHIELD_SHARE_ONE);
}

}  // namespace
}  // namespace holdfast::shield
