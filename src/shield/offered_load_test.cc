// SPDX-License-Identifier: GPL-3.0-or-later
// When an overload begins and ends at a card's queue: a core that receives and answers, a
// millisecond at a time on a clock of its own, and stands still when it is told to.
#include "shield/offered_load.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "shield/admission.h"

namespace holdfast::shield {
namespace {

constexpr uint64_t ns_per_ms = 1'000'000;
constexpr uint32_t resolvers_a_second = 1'000;  // known, within what they may ask

class Core {
 public:
  static constexpr uint64_t receive_ns = 800;  // with the card's program, whatever it decides
  static constexpr uint32_t ring_max = 2'048;

  void play(uint32_t a_second, uint32_t ms) {
    for (uint32_t i = 0; i < ms; ++i) step(a_second, Worker::runs);
  }
  // The ring is filled meanwhile.
  void stall(uint32_t a_second, uint32_t ms) {
    for (uint32_t i = 0; i < ms; ++i) step(a_second, Worker::stands_still);
  }
  // As long as it is excused, then nothing until the ring is empty and a tick was at ease.
  void pulse(uint32_t a_second, uint32_t off_ms) {
    play(a_second, 140);
    play(0, off_ms);
  }
  // Until the ring has been empty at the end of a millisecond.
  void work_off(uint32_t a_second) {
    for (int i = 0; i < 1'000 && (i == 0 || ring_ > 0); ++i) step(a_second, Worker::runs);
  }
  [[nodiscard]] bool is_overloaded() const { return control_.is_overloaded(); }
  [[nodiscard]] uint32_t begins() const { return begins_; }
  void answers_take(uint64_t ns) { answer_ns_ = ns; }

 private:
  enum class Worker : uint8_t { runs, stands_still };

  void step(uint32_t a_second, Worker worker) {
    due_ += a_second;
    const auto arrived = static_cast<uint32_t>(due_ / 1'000);
    due_ %= 1'000;
    take_in(arrived);
    now_ns_ += ns_per_ms;
    if (worker == Worker::stands_still) return;
    const uint64_t received_ns = std::min(ns_per_ms, arrived * receive_ns);
    const auto answers =
        static_cast<uint32_t>(std::min<uint64_t>(ring_, (ns_per_ms - received_ns) / answer_ns_));
    answer(answers);
    standing_ = std::min(standing_, ring_);
    const uint64_t busy_ns = answers * answer_ns_;
    reading_.busy_ns += busy_ns;
    reading_.idle_ns += ns_per_ms - std::min(ns_per_ms, busy_ns);
    rested_ns_ += ns_per_ms - std::min(ns_per_ms, busy_ns + received_ns);
    const bool is_brimful = ring_ >= ring_max * 85 / 100;
    reading_.is_brimful |= is_brimful;
    const uint64_t wanted_ns =
        is_brimful && !is_overloaded() ? 5 * ns_per_ms : AdmissionControl::tick_ns;
    if (now_ns_ - ticked_ns_ >= wanted_ns) tick();
  }

  // The program at the card: what is asked in the resolvers' names within what they may, and of the
  // others as much as is left for them.
  void take_in(uint32_t arrived) {
    uint32_t admitted = arrived;
    if (is_overloaded()) {
      allowed_ += resolvers_a_second + control_.budget();
      admitted = std::min(arrived, static_cast<uint32_t>(allowed_ / 1'000));
      allowed_ = std::min<uint64_t>(allowed_ - uint64_t{admitted} * 1'000, 100'000);
      reading_.turned_away += arrived - admitted;
    }
    const uint32_t fits = std::min(admitted, ring_max - ring_);
    ring_ += fits;
    reading_.ring_drops += admitted - fits;
  }
  void answer(uint32_t count) {
    ring_ -= count;
    if (!is_overloaded()) {
      reading_.answers += count;
      return;
    }
    reading_.judged += count;
    for (uint32_t i = 0; i < count; ++i) {
      if (i == 0) {
        control_.note_known();
      } else {
        (void)control_.admits(Rank::odd);
      }
    }
  }
  void tick() {
    reading_.ring_permille = standing_ * 1'000 / ring_max;
    if (now_ns_ - told_ns_ >= 200 * ns_per_ms) {
      reading_.card.core_idle_permille =
          static_cast<uint32_t>(rested_ns_ * 1'000 / (now_ns_ - told_ns_));
      rested_ns_ = 0;
      told_ns_ = now_ns_;
    }
    const bool was_overloaded = is_overloaded();
    control_.tick(now_ns_, reading_);
    if (!was_overloaded && is_overloaded()) ++begins_;
    reading_ = {};
    standing_ = ring_max;
    ticked_ns_ = now_ns_;
  }

  AdmissionControl control_;
  uint64_t answer_ns_ = 1'200;  // with `receive_ns` 500,000 a second are all that it can do
  uint64_t now_ns_ = 1'000 * ns_per_ms;
  uint64_t ticked_ns_ = now_ns_;
  uint64_t told_ns_ = now_ns_;
  uint64_t rested_ns_ = 0;
  uint64_t due_ = 0;
  uint64_t allowed_ = 0;
  uint32_t ring_ = 0;
  uint32_t standing_ = ring_max;
  uint32_t begins_ = 0;
  LoadReading reading_;
};

TEST(OfferedLoadAtACard, AStallBeginsNothingWhereTheWorkerKeepsUp) {
  constexpr uint32_t rate = 300'000;  // 60 %
  Core core;
  core.play(rate, 1'000);
  for (const uint32_t ms : {8U, 15U, 30U, 60U, 100U}) {
    core.stall(rate, ms);
    core.play(rate, 500);
    EXPECT_EQ(core.begins(), 0U) << ms;
  }
}

// A host that takes a twentieth of the processor.
TEST(OfferedLoadAtACard, StallsThatGoOnBeginNothing) {
  constexpr uint32_t rate = 300'000;
  Core core;
  core.play(rate, 1'000);
  for (int i = 0; i < 200; ++i) {
    core.stall(rate, 25);
    core.play(rate, 475);
    ASSERT_EQ(core.begins(), 0U) << i;
  }
}

// Nearly all that it can do: the backlog stands for longer than is let be.
TEST(OfferedLoadAtACard, WhatAStallHasBegunEndsWithItsBacklog) {
  constexpr uint32_t rate = 498'000;
  Core core;
  core.play(rate, 2'000);
  ASSERT_EQ(core.begins(), 0U);
  core.stall(rate, 30);
  for (int i = 0; i < 400 && core.begins() == 0; ++i) core.play(rate, 1);
  ASSERT_TRUE(core.is_overloaded());
  core.work_off(rate);
  core.play(rate, 100);
  EXPECT_FALSE(core.is_overloaded());
  core.play(rate, 2'000);
  EXPECT_EQ(core.begins(), 1U);
}

// Nothing like it was carried before; but the core has room for it.
TEST(OfferedLoadAtACard, AnOverloadEndsWhenTheCoreHasRoomForAllThatIsOffered) {
  constexpr uint32_t rate = 300'000;
  Core core;
  core.play(10'000, 2'000);
  core.stall(rate, 30);
  core.play(rate, 40);
  ASSERT_TRUE(core.is_overloaded()) << "for all that is known";
  core.play(rate, 1'000);
  EXPECT_FALSE(core.is_overloaded());
  core.play(rate, 2'000);
  core.stall(rate, 30);
  core.play(rate, 2'000);
  EXPECT_EQ(core.begins(), 1U) << "now it has been carried";
}

TEST(OfferedLoadAtACard, AFloodBeyondTheCoreBeginsOneOverload) {
  for (const uint32_t rate : {560'000U, 700'000U, 1'000'000U}) {
    Core core;
    core.play(10'000, 2'000);
    core.play(rate, 100);
    EXPECT_TRUE(core.is_overloaded()) << rate;
    for (int i = 0; i < 30; ++i) {
      core.play(rate, 950);
      core.stall(rate, 50);
    }
    EXPECT_TRUE(core.is_overloaded()) << rate;
    EXPECT_EQ(core.begins(), 1U) << rate;
  }
}

// Little more than what has been carried up to then.
TEST(OfferedLoadAtACard, AFloodThatComesToWhatIsCarriedIsFound) {
  Core core;
  core.play(470'000, 5'000);
  ASSERT_EQ(core.begins(), 0U);
  core.play(560'000, 250);
  EXPECT_TRUE(core.is_overloaded());
  core.play(560'000, 30'000);
  EXPECT_TRUE(core.is_overloaded());
  EXPECT_LE(core.begins(), 2U);
}

// As many as before, but each takes three times as long: that they were carried says nothing.
TEST(OfferedLoadAtACard, DearerQuestionsAreAnOverloadThatStaysOne) {
  constexpr uint32_t rate = 300'000;
  Core core;
  core.play(rate, 5'000);
  core.answers_take(3'600);
  core.play(rate, 250);
  EXPECT_TRUE(core.is_overloaded());
  core.play(rate, 31'000);
  EXPECT_TRUE(core.is_overloaded());
  EXPECT_LE(core.begins(), 4U);
}

// More than the core can do, but less than half as much again as it has carried; between pulses it
// comes to rest, for too short a time to show what it carries now.
TEST(OfferedLoadAtACard, PulsesAsLongAsAnExcuseAreAnOverload) {
  struct Case {
    uint32_t a_second;
    uint64_t answer_ns;
    uint32_t off_ms;
  };
  for (const Case& each : {Case{560'000, 1'200, 40}, Case{560'000, 1'200, 60},
                           Case{560'000, 3'600, 40}, Case{300'000, 3'600, 40}}) {
    Core core;
    core.play(400'000, 2'000);
    ASSERT_EQ(core.begins(), 0U);
    core.answers_take(each.answer_ns);
    for (int i = 0; i < 5; ++i) core.pulse(each.a_second, each.off_ms);
    EXPECT_GE(core.begins(), 1U) << each.a_second << ", each " << each.answer_ns << " ns";
  }
}

// However long the pauses are: a sixteenth of the time, and 150 ms for each end of an overload, of
// which there is one in two seconds, or they take longer and longer.
TEST(OfferedLoadAtACard, PulsesAreLetBeForASmallShareOfAllTime) {
  for (const uint32_t off_ms : {40U, 60U, 100U, 500U, 1'000U, 2'000U}) {
    Core core;
    core.play(400'000, 2'000);
    uint32_t let_be_ms = 0;
    uint32_t all_ms = 0;
    for (; all_ms < 20'000; all_ms += 140 + off_ms) {
      for (int ms = 0; ms < 140; ++ms) {
        core.play(560'000, 1);
        let_be_ms += core.is_overloaded() ? 0U : 1U;
      }
      core.play(0, off_ms);
    }
    EXPECT_LT(let_be_ms, all_ms / 10) << off_ms;
  }
}

// What comes again within five seconds finds the guard as it left it.
TEST(OfferedLoadAtACard, PulsesBeginOneOverload) {
  constexpr uint32_t rate = 700'000;
  Core core;
  core.play(10'000, 2'000);
  for (int i = 0; i < 10; ++i) {
    core.play(rate, 1'000);
    EXPECT_TRUE(core.is_overloaded()) << i;
    core.play(10'000, 1'000);
    EXPECT_TRUE(core.is_overloaded()) << i;
  }
  EXPECT_EQ(core.begins(), 1U);
  core.play(10'000, 6'000);
  EXPECT_FALSE(core.is_overloaded());
}

// By ticks alone, where the level rises and falls again.
class OfferedLoadByLevel : public testing::Test {
 protected:
  static constexpr uint32_t usual = 2'000;  // a tick: 100,000 a second
  enum class Queue : uint8_t { emptied, standing, full };

  void play(int ticks, Queue queue) {
    for (int i = 0; i < ticks; ++i) {
      LoadReading reading;
      reading.busy_ns = AdmissionControl::tick_ns / 2;
      reading.idle_ns = AdmissionControl::tick_ns / 2;
      if (queue != Queue::emptied) {
        reading.backlog_permille = 1'000;
        reading.drops = queue == Queue::full ? 4 * usual : usual / 4;
      }
      (control_.is_overloaded() ? reading.judged : reading.answers) = usual;
      control_.tick(now_ns_ += AdmissionControl::tick_ns, reading);
    }
  }

  AdmissionControl control_;
  uint64_t now_ns_ = 1'000 * ns_per_ms;
};

// Five times what was carried, nearly all of it at level 2.
TEST_F(OfferedLoadByLevel, AFloodIsRememberedWhateverTheLevel) {
  play(100, Queue::emptied);
  play(40, Queue::full);
  ASSERT_EQ(control_.level(), 2U);
  play(260, Queue::full);
  ASSERT_EQ(control_.level(), 2U);
  play(240, Queue::emptied);
  EXPECT_EQ(control_.level(), 1U) << "less than five seconds ago";
  play(20, Queue::emptied);
  EXPECT_FALSE(control_.is_overloaded()) << "as much as before";
}

TEST_F(OfferedLoadByLevel, WhatCanBeAnsweredEndsItAtAnyLevel) {
  play(100, Queue::emptied);
  play(60, Queue::standing);
  ASSERT_EQ(control_.level(), 2U);
  play(10, Queue::emptied);
  EXPECT_FALSE(control_.is_overloaded());
}

// By itself, a tick of 20 ms at a time.
class OfferedLoadTest : public testing::Test {
 protected:
  static OfferedReading reading(uint64_t offered_a_second, bool is_at_ease) {
    return {.span_ns = AdmissionControl::tick_ns,
            .offered = offered_a_second / 50,
            .answered = offered_a_second / 50,
            .is_at_ease = is_at_ease};
  }
  void carry(uint64_t a_second, int ticks = 50) {
    for (int i = 0; i < ticks; ++i) load_.tick_quiet(reading(a_second, true));
  }
  void press(uint64_t a_second, int ticks = 1) {
    for (int i = 0; i < ticks; ++i) load_.tick_quiet(reading(a_second, false));
  }
  bool overloaded_tick(uint64_t offered_a_second, bool is_at_ease) {
    now_ns_ += AdmissionControl::tick_ns;
    return load_.tick_overloaded(now_ns_, reading(offered_a_second, is_at_ease));
  }
  void press_overloaded(uint64_t offered_a_second, int seconds) {
    for (int i = 0; i < 50 * seconds; ++i) (void)overloaded_tick(offered_a_second, false);
  }
  // Ticks of ease until it may end, or 0.
  int ticks_to_end(uint64_t offered_a_second, int most) {
    for (int i = 1; i <= most; ++i) {
      if (overloaded_tick(offered_a_second, true)) return i;
    }
    return 0;
  }
  // The same, and it does end.
  int ticks_until_ended(uint64_t offered_a_second, int most) {
    const int ticks = ticks_to_end(offered_a_second, most);
    if (ticks > 0) load_.end_overload(now_ns_);
    return ticks;
  }

  OfferedLoad load_;
  uint64_t now_ns_ = 100'000 * ns_per_ms;
};

TEST_F(OfferedLoadTest, OnlyWhatWasOfferedAtEaseIsCarried) {
  carry(100'000);
  EXPECT_EQ(load_.carried(), 100'000U);
  press(900'000, 50);
  EXPECT_LE(load_.carried(), 100'000U);
  EXPECT_GT(load_.carried(), 95'000U);
  carry(1'000, 50 * 60);
  EXPECT_LT(load_.carried(), 15'000U) << "a minute later";
}

TEST_F(OfferedLoadTest, WhatWasCarriedIsForgottenWithoutEaseToo) {
  carry(100'000);
  for (int i = 0; i < 100; ++i) {
    press(90'000, 7);
    carry(90'000, 2);  // which shows nothing
  }
  EXPECT_LT(load_.carried(), 60'000U) << "18 s later";
}

TEST_F(OfferedLoadTest, PressureIsExcusedForABoundedTime) {
  carry(100'000);
  for (int i = 0; i < 7; ++i) {
    press(100'000);
    EXPECT_TRUE(load_.is_excused()) << i;
  }
  press(100'000);
  EXPECT_FALSE(load_.is_excused());
  carry(100'000, 1);
  press(100'000);
  EXPECT_FALSE(load_.is_excused()) << "a tick of ease gives little of it back";
  carry(100'000, 40);
  press(100'000);
  EXPECT_TRUE(load_.is_excused());
  press(400'000);
  EXPECT_FALSE(load_.is_excused()) << "that is more";
}

TEST_F(OfferedLoadTest, WhatIsExcusedIsABoundedShareOfAllTime) {
  constexpr int rounds = 200;
  constexpr int pressed_ticks = 7;
  constexpr int ease_ticks = 6;  // which show each time that it is carried
  carry(100'000);
  int excused_ticks = 0;
  for (int i = 0; i < rounds; ++i) {
    for (int tick = 0; tick < pressed_ticks; ++tick) {
      press(100'000);
      excused_ticks += load_.is_excused() ? 1 : 0;
    }
    carry(100'000, ease_ticks);
  }
  EXPECT_GT(load_.carried(), 99'000U);
  EXPECT_LE(excused_ticks, pressed_ticks + rounds * ease_ticks / 16);
}

TEST_F(OfferedLoadTest, HoweverLongItWasPressedItIsExcusedAgainSecondsLater) {
  carry(100'000);
  press(100'000, 50 * 3'600);
  carry(100'000, 10);
  press(100'000);
  EXPECT_FALSE(load_.is_excused());
  carry(100'000, 150);
  press(100'000, 7);
  EXPECT_TRUE(load_.is_excused());
}

// At sockets the tick that a stall has drawn out tells nothing of what it has left behind.
TEST_F(OfferedLoadTest, AStallToldATickLateIsExcused) {
  carry(100'000);
  load_.tick_quiet({.span_ns = 120 * ns_per_ms, .offered = 2'000, .is_at_ease = true});
  load_.tick_quiet({.span_ns = 20 * ns_per_ms, .offered = 12'000});
  EXPECT_TRUE(load_.is_excused());
}

TEST_F(OfferedLoadTest, AnIdleSecondExcusesNoFlood) {
  carry(100'000);
  load_.tick_quiet({.span_ns = 1'000 * ns_per_ms, .is_at_ease = true});
  for (int i = 0; i < 7; ++i) {
    press(1'200'000);
    EXPECT_FALSE(load_.is_excused()) << i;
  }
}

// An average of hours would not tell it, nor one of more questions than can be counted.
TEST_F(OfferedLoadTest, AFloodIsSeenHoweverLongTheOverloadHasLasted) {
  carry(100'000);
  load_.begin_overload(now_ns_);
  press_overloaded(100'000, 3'600);
  press_overloaded(1'000'000, 10);
  EXPECT_EQ(ticks_to_end(100'000, 200), 0) << "within five seconds";
  EXPECT_NE(ticks_to_end(100'000, 60), 0);
}

TEST_F(OfferedLoadTest, AFloodOfEverSoManyQuestionsIsOne) {
  carry(100'000);
  load_.begin_overload(now_ns_);
  press_overloaded(10'000'000, 1'860);  // 1.86e10
  EXPECT_EQ(ticks_to_end(100'000, 200), 0) << "within five seconds";
}

TEST_F(OfferedLoadTest, AnEndThatWasNotTakenIsNone) {
  carry(100'000);
  load_.begin_overload(now_ns_);
  ASSERT_EQ(ticks_to_end(100'000, 10), 3);
  load_.begin_overload(now_ns_ += 500 * ns_per_ms);
  EXPECT_EQ(ticks_to_end(100'000, 10), 3) << "it ended in another way";
}

TEST_F(OfferedLoadTest, EachEndThatWasTooEarlyMakesTheNextOneLater) {
  carry(100'000);
  load_.begin_overload(now_ns_);
  EXPECT_EQ(ticks_until_ended(100'000, 10), 3);
  load_.begin_overload(now_ns_ += 500 * ns_per_ms);
  EXPECT_EQ(ticks_until_ended(100'000, 100), 24);
  load_.begin_overload(now_ns_ += 500 * ns_per_ms);
  EXPECT_EQ(ticks_until_ended(100'000, 1'000), 192);
  load_.begin_overload(now_ns_ += 500 * ns_per_ms);
  EXPECT_EQ(ticks_until_ended(100'000, 1'000), 0) << "it is no longer carried";
}

TEST_F(OfferedLoadTest, AnEndThatLastedIsForgotten) {
  carry(100'000);
  load_.begin_overload(now_ns_);
  ASSERT_EQ(ticks_until_ended(100'000, 10), 3);
  load_.begin_overload(now_ns_ += 500 * ns_per_ms);
  ASSERT_EQ(ticks_until_ended(100'000, 100), 24);
  load_.begin_overload(now_ns_ += 20'000 * ns_per_ms);
  EXPECT_EQ(ticks_until_ended(100'000, 10), 3);
}

}  // namespace
}  // namespace holdfast::shield
