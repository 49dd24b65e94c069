// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/zone_watch.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "base/hash.h"

namespace holdfast::shield {
namespace {

class ZoneWatchTest : public testing::Test {
 protected:
  struct Traffic {
    uint64_t zone = 1;
    uint32_t a_second = 0;
    double absent = 0;
    uint32_t names = 20;  // by Zipf's law; 0: each time another one
    uint32_t repeats = 1;
  };
  // Plays traffic for a time. True if `watched` was ever under attack.
  bool play(std::initializer_list<Traffic> traffic, uint32_t ms, Load load, uint64_t watched = 1) {
    bool seen = false;
    had_many_names_ = false;
    for (uint32_t i = 0; i < ms; ++i) {
      watch_.begin_turn(++now_ms_, load);
      for (const Traffic& part : traffic) {
        due_ += part.a_second;
        for (; due_ >= 1000; due_ -= 1000) {
          const bool absent = std::uniform_real_distribution<>(0, 1)(random_) < part.absent;
          if (absent && denied_in_eight_ > 0 && attacked_.contains(part.zone) &&
              random_() % 8 < denied_in_eight_) {
            watch_.note_denied(1);
            continue;
          }
          const auto verdict = watch_.count(
              part.zone, name_.view(), absent ? NameFact::absent : NameFact::exists, name_of(part));
          if (verdict.under_attack) {
            attacked_.insert(part.zone);
          } else {
            lapses_ += attacked_.erase(part.zone);
          }
          if (part.zone != watched) continue;
          seen |= verdict.under_attack;
          had_many_names_ |= verdict.many_names;
          hot_ = verdict.hot;
        }
      }
    }
    return seen;
  }
  uint64_t name_of(const Traffic& part) {
    if (part.names == 0) return hash_mix(++asked_ / part.repeats ^ 0x1234567, 0x9e3779b97f4a7c15);
    const double share = std::uniform_real_distribution<>(0, 1)(random_);
    return hash_mix(static_cast<uint64_t>(std::pow(part.names, share)), 0xe7037ed1a0b428db);
  }
  ZoneWatch::Verdict ask(uint64_t zone) {
    return watch_.count(zone, name_.view(), NameFact::exists, zone);
  }

  std::unique_ptr<ZoneWatchTable> table_ = std::make_unique<ZoneWatchTable>();
  std::unique_ptr<AccountWatchTable> watched_ = std::make_unique<AccountWatchTable>();
  std::unique_ptr<AccountTable> accounts_ = std::make_unique<AccountTable>();
  ZoneWatch watch_{*table_, *watched_, *accounts_};
  wire::Name name_ = *wire::Name::from_text("example.org.");
  std::mt19937 random_{5};
  uint64_t now_ms_ = 1'000'000;
  uint64_t due_ = 0;
  uint64_t asked_ = 0;
  bool hot_ = false;
  bool had_many_names_ = false;  // in what was played last, ever
  // At the card, of absent names of the zones that are under attack.
  uint32_t denied_in_eight_ = 0;
  std::set<uint64_t> attacked_;
  uint64_t lapses_ = 0;  // verdicts that have ended
};

TEST_F(ZoneWatchTest, FindsARandomSubdomainAttackWithinASecondAndForgetsIt) {
  EXPECT_FALSE(play({{.zone = 1, .a_second = 1'000, .absent = 0.02}}, 20'000, Load::quiet));
  EXPECT_FALSE(play({{.zone = 1, .a_second = 1'000, .absent = 0.02}}, 2'000, Load::overloaded));
  EXPECT_TRUE(play({{.zone = 1, .a_second = 20'000, .absent = 0.95}}, 800, Load::overloaded));
  EXPECT_TRUE(play({{.zone = 1, .a_second = 1'000, .absent = 0.02}}, 100, Load::overloaded));
  (void)play({{.zone = 1, .a_second = 1'000, .absent = 0.02}}, 11'000, Load::overloaded);
  EXPECT_FALSE(play({{.zone = 1, .a_second = 1'000, .absent = 0.02}}, 1'000, Load::overloaded));
}

// A zone that is asked for 2,000 absent names a second every day, under a flood of 30,000 through
// resolvers. Once it is found most of them are denied at the card, and what still comes here would
// not be called an attack. The other zone's day is an ordinary one.
TEST_F(ZoneWatchTest, WhatIsDeniedAtTheCardHoldsTheVerdictAsLongAsItComes) {
  const Traffic usual{.zone = 1, .a_second = 10'000, .absent = 0.2};
  const Traffic other{.zone = 2, .a_second = 2'000, .absent = 0.1};
  const Traffic flood{.zone = 1, .a_second = 30'000, .absent = 1, .names = 0};
  (void)play({usual, other}, 60'000, Load::quiet);
  EXPECT_TRUE(play({usual, other, flood}, 1'000, Load::overloaded));
  denied_in_eight_ = 7;
  (void)play({usual, other, flood}, 35'000, Load::overloaded);
  EXPECT_EQ(attacked_, std::set<uint64_t>{1});
  EXPECT_EQ(lapses_, 0u);
  (void)play({usual, other}, 11'000, Load::overloaded);
  EXPECT_EQ(lapses_, 1u) << "what is usual holds nothing, though it is denied as well";
  EXPECT_FALSE(play({usual, other}, 5'000, Load::overloaded));
}

TEST_F(ZoneWatchTest, WhatIsDeniedIsOfTheZonesUnderAttackByWhatComesOfEach) {
  const Traffic first{.zone = 1, .a_second = 500, .absent = 0.1};
  const Traffic second{.zone = 2, .a_second = 500, .absent = 0.1};
  const auto flood_of = [](uint64_t zone) {
    return Traffic{.zone = zone, .a_second = 3'000, .absent = 1, .names = 0};
  };
  (void)play({first, second}, 60'000, Load::quiet);
  (void)play({first, second, flood_of(1), flood_of(2)}, 1'000, Load::overloaded);
  EXPECT_EQ(attacked_, (std::set<uint64_t>{1, 2}));
  denied_in_eight_ = 7;
  (void)play({first, second, flood_of(1)}, 15'000, Load::overloaded);
  EXPECT_EQ(attacked_, std::set<uint64_t>{1}) << "the second's is over";
}

// A flood that the worker could answer for a while is no habit of the zone: when it returns
// smaller, or is held down at the card, it is found as ever.
TEST_F(ZoneWatchTest, TheFirstMomentsOfAFloodAreNotUsual) {
  EXPECT_FALSE(play({{.zone = 1, .a_second = 250, .absent = 0.02}}, 20'000, Load::quiet));
  EXPECT_FALSE(play({{.zone = 1, .a_second = 300'000, .absent = 1}}, 3'000, Load::quiet));
  EXPECT_TRUE(play({{.zone = 1, .a_second = 8'000, .absent = 0.9}}, 800, Load::overloaded));
}

// A blocklist's zone: most names are absent every day. Ten times the traffic is a busy day.
TEST_F(ZoneWatchTest, ANoisyZoneIsMeasuredByItsOwnHabits) {
  EXPECT_FALSE(play({{.zone = 1, .a_second = 2'000, .absent = 0.9}}, 60'000, Load::quiet));
  EXPECT_FALSE(play({{.zone = 1, .a_second = 10'000, .absent = 0.9}}, 5'000, Load::overloaded));
  EXPECT_TRUE(play({{.zone = 1, .a_second = 40'000, .absent = 0.99}}, 2'000, Load::overloaded));
}

TEST_F(ZoneWatchTest, AFlashCrowdOfExistingNamesIsNoAttack) {
  EXPECT_FALSE(play({{.zone = 1, .a_second = 500, .absent = 0.05}}, 20'000, Load::quiet));
  EXPECT_FALSE(play({{.zone = 1, .a_second = 50'000, .absent = 0.05}}, 5'000, Load::overloaded));
}

TEST_F(ZoneWatchTest, WithoutOverloadNothingIsJudged) {
  EXPECT_FALSE(play({{.zone = 1, .a_second = 20'000, .absent = 1}}, 5'000, Load::quiet));
}

TEST_F(ZoneWatchTest, AZoneThatTakesTheWorkerIsHotAndTheOthersAreNot) {
  (void)play({{.zone = 1, .a_second = 500}, {.zone = 2, .a_second = 2'000}}, 20'000, Load::quiet);
  (void)play({{.zone = 1, .a_second = 60'000}, {.zone = 2, .a_second = 2'000}}, 2'000,
             Load::overloaded, 1);
  EXPECT_TRUE(hot_);
  (void)play({{.zone = 1, .a_second = 60'000}, {.zone = 2, .a_second = 2'000}}, 100,
             Load::overloaded, 2);
  EXPECT_FALSE(hot_);
}

// Each of three zones gets its part of what is left, whatever is asked of the first; and a zone
// that is usually asked the most keeps its part.
TEST_F(ZoneWatchTest, EachZoneHasAShare) {
  (void)play(
      {{.zone = 1, .a_second = 100}, {.zone = 2, .a_second = 100}, {.zone = 3, .a_second = 1'800}},
      60'000, Load::quiet);
  std::array<uint32_t, 4> served{};
  const auto ask = [&](uint64_t zone) {
    const auto verdict = this->ask(zone);
    if (verdict.beyond_share) return;
    ++served[zone];
    watch_.note_served(*verdict.entry, 1);
  };
  watch_.set_budget(10'000);
  for (uint32_t i = 0; i < 10'240; ++i) {  // forty windows
    watch_.begin_turn(++now_ms_, Load::overloaded);
    for (int k = 0; k < 100; ++k) ask(1);
    ask(2);
    for (int k = 0; k < 5; ++k) ask(3);
  }
  const double seconds = 10.24;
  EXPECT_NEAR(served[1] / seconds, 10'000 / 3, 200) << "an even part of three";
  EXPECT_NEAR(served[2] / seconds, 1'000, 20) << "all that it asked";
  EXPECT_NEAR(served[3] / seconds, 5'000, 100) << "its usual part is nine tenths";
  RecordProperty("attacked_zone_percent", static_cast<int>(served[1] / seconds / 100));
}

// Of two zones that are asked for without end, each answer of the first takes five times as long:
// each has the same time, so the second gets five times the answers. Streams take of it, too.
TEST_F(ZoneWatchTest, AShareIsOfTimeNotOfAnswers) {
  std::array<uint64_t, 5> time{};
  std::array<uint64_t, 5> answers{};
  const auto ask = [&](uint64_t zone, uint64_t cost) {
    const auto verdict = this->ask(zone);
    if (verdict.beyond_share) return;
    time[zone] += cost;
    ++answers[zone];
    watch_.note_served(*verdict.entry, cost);
  };
  constexpr uint64_t cheap = 2'000;
  constexpr uint64_t dear = 5 * cheap;
  watch_.set_budget(20'000);
  const auto play_windows = [&](uint32_t windows, uint64_t by_stream) {
    time = answers = {};
    for (uint32_t i = 0; i < windows * ZoneWatch::window_ms; ++i) {
      watch_.begin_turn(++now_ms_, Load::overloaded);
      if (now_ms_ % ZoneWatch::window_ms == 0 && by_stream > 0) {
        for (int k = 0; k < 100; ++k) watch_.charge(2, by_stream / 100);
      }
      for (int k = 0; k < 100; ++k) ask(1, dear);
      for (int k = 0; k < 100; ++k) ask(2, cheap);
      ask(3, cheap);
    }
  };
  play_windows(10, 0);
  play_windows(40, 0);
  EXPECT_NEAR(static_cast<double>(time[1]) / static_cast<double>(time[2]), 1, 0.1);
  EXPECT_NEAR(static_cast<double>(answers[2]) / static_cast<double>(answers[1]), 5, 0.5);
  EXPECT_EQ(answers[3], 40 * ZoneWatch::window_ms) << "all that it asks";
  RecordProperty("dear_answers_percent_of_cheap", static_cast<int>(answers[1] * 100 / answers[2]));
  const uint64_t without = time[2] / 40;
  play_windows(40, without / 2);
  EXPECT_NEAR(static_cast<double>(time[2] + 40 * (without / 2)) / static_cast<double>(time[1]), 1,
              0.1);
}

// One that was interrupted counts as some, not as all that a window holds.
TEST_F(ZoneWatchTest, OneLongAnswerDoesNotUseUpAShare) {
  watch_.set_budget(20'000);
  for (uint32_t i = 0; i < ZoneWatch::window_ms; ++i) {
    watch_.begin_turn(++now_ms_, Load::overloaded);
    watch_.note_served(*ask(1).entry, 1'000);
  }
  watch_.begin_turn(now_ms_ += ZoneWatch::window_ms, Load::overloaded);
  watch_.note_served(*ask(1).entry, 1'000'000'000);
  watch_.begin_turn(++now_ms_, Load::overloaded);
  EXPECT_FALSE(ask(1).beyond_share);
}

// One customer's hundred zones get what another's single one gets.
TEST_F(ZoneWatchTest, EachAccountHasAShareHoweverManyZonesItHas) {
  constexpr uint64_t many = 100;
  const auto hash_of = [](uint64_t zone) { return (zone + 1) * 0x9e3779b97f4a7c15; };
  for (uint64_t zone = 0; zone < many; ++zone) ASSERT_TRUE(accounts_->enter(hash_of(zone), 1));
  const uint64_t single = hash_of(many);
  ASSERT_TRUE(accounts_->enter(single, 2));
  const uint64_t alone = hash_of(many + 1);
  std::map<uint64_t, uint32_t> served;  // within the share, by the first of the zones
  uint32_t limited = 0;
  const auto ask = [&](uint64_t hash, uint64_t group) {
    const auto verdict = this->ask(hash);
    ASSERT_NE(verdict.entry, nullptr);
    if (verdict.is_account_beyond) {
      watch_.note_limited(*verdict.entry);
      ++limited;
    }
    if (verdict.beyond_share) return;
    ++served[group];
    watch_.note_served(*verdict.entry, 1);
  };
  watch_.set_budget(9'000);
  for (uint32_t i = 0; i < 5'120; ++i) {  // twenty windows
    watch_.begin_turn(++now_ms_, Load::overloaded);
    for (uint64_t k = 0; k < 50; ++k) ask(hash_of((i * 50 + k) % many), 1);
    for (int k = 0; k < 2; ++k) ask(single, 2);
    ask(alone, 3);
  }
  const double seconds = 5.12;
  EXPECT_NEAR(served[1] / seconds, 3'000, 400) << "a third, for all of them";
  EXPECT_NEAR(served[2] / seconds, 2'000, 200) << "all that it asked";
  EXPECT_NEAR(served[3] / seconds, 1'000, 100) << "the same, without an account";
  EXPECT_GT(limited, 1'000u);
  EXPECT_EQ(watched_->at(1).limited.load() + watched_->at(2).limited.load(), limited);
}

// A walk through a zone's own names, or made-up ones under a wildcard.
TEST_F(ZoneWatchTest, ManyDifferentNamesAreFoundAndForgotten) {
  (void)play({{.zone = 1, .a_second = 1'000, .names = 500}}, 20'000, Load::quiet);
  (void)play({{.zone = 1, .a_second = 1'000, .names = 500}}, 2'000, Load::overloaded);
  EXPECT_FALSE(had_many_names_);
  EXPECT_FALSE(play({{.zone = 1, .a_second = 20'000, .names = 0}}, 800, Load::overloaded));
  EXPECT_TRUE(had_many_names_);
  (void)play({{.zone = 1, .a_second = 1'000, .names = 500}}, 11'000, Load::overloaded);
  (void)play({{.zone = 1, .a_second = 1'000, .names = 500}}, 1'000, Load::overloaded);
  EXPECT_FALSE(had_many_names_);
}

// Usually another name each time, as of a zone that is asked little: its share cannot rise.
TEST_F(ZoneWatchTest, ManyNamesAreFoundWhereFewAreAsked) {
  (void)play({{.zone = 1, .a_second = 8, .names = 0}}, 20'000, Load::quiet);
  (void)play({{.zone = 1, .a_second = 20'000, .names = 0}}, 2'000, Load::overloaded);
  EXPECT_TRUE(had_many_names_);
}

// The more is asked for the same names, the fewer of them for so many questions: a crowd a hundred
// times as large as usual, and an outage that makes everybody repeat twentyfold.
TEST_F(ZoneWatchTest, ACrowdAndRepeatsHaveNoManyNames) {
  for (const uint32_t names : {50U, 1'000U, 1'000'000U}) {
    (void)play({{.zone = names, .a_second = 500, .names = names}}, 20'000, Load::quiet, names);
    (void)play({{.zone = names, .a_second = 50'000, .names = names}}, 5'000, Load::overloaded,
               names);
    EXPECT_FALSE(had_many_names_) << names;
  }
  (void)play({{.zone = 1, .a_second = 1'000, .names = 0}}, 20'000, Load::quiet);
  (void)play({{.zone = 1, .a_second = 20'000, .names = 0, .repeats = 20}}, 5'000, Load::overloaded);
  EXPECT_FALSE(had_many_names_);
}

TEST_F(ZoneWatchTest, NamesThatDoNotExistAreNoneOfThem) {
  (void)play({{.zone = 1, .a_second = 1'000}}, 20'000, Load::quiet);
  EXPECT_TRUE(
      play({{.zone = 1, .a_second = 20'000, .absent = 1, .names = 0}}, 2'000, Load::overloaded));
  EXPECT_FALSE(had_many_names_);
}

TEST_F(ZoneWatchTest, TheUsualNumberOfNamesIsLearnedAndFades) {
  (void)play({{.zone = 1, .a_second = 2'000, .names = 0, .repeats = 4}}, 60'000, Load::quiet);
  const auto* entry = ask(1).entry;
  EXPECT_NEAR(entry->usual_names_x16.load() / 16, 128, 20) << "of 512 questions in a window";
  EXPECT_NEAR(entry->last_names.load(), 128, 40);
  (void)play({{.zone = 2, .a_second = 100}}, 5'000, Load::quiet);
  (void)play({{.zone = 1, .a_second = 100, .names = 1}}, 600, Load::quiet);
  EXPECT_LT(entry->usual_names_x16.load() / 16, 90u) << "five seconds without a question";
}

// A million small zones do not drive out the one that matters.
TEST_F(ZoneWatchTest, WhatIsAskedMuchStays) {
  for (uint32_t i = 0; i < 2'000; ++i) {
    watch_.begin_turn(++now_ms_, Load::quiet);
    for (int k = 0; k < 20; ++k) (void)ask(7);
    for (int k = 0; k < 200; ++k) (void)ask(random_());
  }
  EXPECT_TRUE(play({{.zone = 7, .a_second = 20'000, .absent = 0.9}}, 800, Load::overloaded, 7));
  const auto verdict = ask(7);
  ASSERT_NE(verdict.entry, nullptr);
  EXPECT_GT(verdict.entry->usual_asked_x16.load(), 16'000u) << "learned over eight windows";
  EXPECT_EQ(ZoneWatch::name_of(*verdict.entry).view().to_text(), "example.org.");
}

TEST_F(ZoneWatchTest, WhatIsUsualFollowsWithinSomeSeconds) {
  (void)play({{.zone = 1, .a_second = 1'000, .absent = 0.5}}, 60'000, Load::quiet);
  const auto verdict = ask(1);
  EXPECT_NEAR(ZoneWatch::a_second(verdict.entry->usual_asked_x16.load() / 16), 1'000, 60);
  EXPECT_NEAR(ZoneWatch::a_second(verdict.entry->usual_absent_x16.load() / 16), 500, 60);
}

}  // namespace
}  // namespace holdfast::shield
