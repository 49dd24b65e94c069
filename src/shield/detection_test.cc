// SPDX-License-Identifier: GPL-3.0-or-later
// What triggers the shield, what must not, and when it lets go: recorded traffic through a worker
// of bounded capacity, on a clock of its own and from a seed.
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <optional>
#include <random>
#include <span>

#include "base/hash.h"
#include "base/shared_memory.h"
#include "shield/recorded_traffic.h"
#include "shield/worker_shield.h"

namespace holdfast::shield {
namespace {

constexpr uint64_t us = 1'000;
constexpr uint64_t ms = 1'000'000;
// Everything happens so many times as seldom as it was recorded, and takes so many times as long.
constexpr uint32_t slowness = 4;
constexpr uint64_t answer_ns = slowness * 4 * us;
constexpr uint64_t cheap_ns = slowness * 2 * us;
constexpr uint64_t drop_ns = slowness * 600;
constexpr size_t queue_max = 10'000 / slowness;
constexpr uint32_t resolvers = 50;
constexpr uint32_t bots = 65'536 / slowness;
constexpr uint32_t newcomers = 500;
constexpr uint32_t newcomers_at = 1U << 22;
constexpr double names_of_zones = 1'000;

struct Question {
  uint32_t source = 0;  // a resolver, or a bot behind them
  uint64_t zone = 1;
  NameFact fact = NameFact::exists;
  bool is_honest = true;
  uint64_t name = 0;  // its hash
};

// How a scenario's hostile questions look.
struct Flood {
  double through_resolvers = 0;  // of those that are not, the sources are bots
  NameFact of_bots = NameFact::absent;
  uint32_t bot_count = bots;
  uint32_t names = 0;      // 0: each time another one
  uint32_t newcomers = 0;  // honest questions a second of sources never seen, from a /24 each
};

class Detection : public testing::Test {
 protected:
  Detection() {
    ShieldCommon& common = memory_->common;
    for (__u64& word : common.key) word = random_();
    common.enabled = 1;
    common.slot = 10;
    common.known_slots = 2;
    common.unknown_source = 20;
    common.unknown_prefix = 200;
    shield_.emplace(*memory_, 0, *counters_);
  }

  void play(std::span<const RecordedSecond> traffic, const Flood& flood) {
    for (const RecordedSecond& second : traffic) play_second(second, flood);
  }
  // In the first `stall_ms` the processor stands still.
  void play_second(const RecordedSecond& second, const Flood& flood, int stall_ms = 0) {
    ++memory_->common.slot;  // as in the drill, a slot lasts a second
    zone_found_ = many_names_found_ = is_overloaded_at_end_ = false;
    for (int turn = 0; turn < 1'000; ++turn) {
      arrive(second.honest, [&] { return honest(); });
      arrive(second.hostile, [&] { return hostile(flood); });
      arrive(flood.newcomers, [&] { return newcomer(); });
      if (turn < stall_ms) {
        now_ns_ += ms;
      } else {
        take_turn();
      }
    }
    is_overloaded_at_end_ = shield_->is_overloaded();
    ++seconds_;
  }
  // Of the honest, how many were answered, or asked to come by TCP.
  [[nodiscard]] double served_share() const {
    return static_cast<double>(served_) / static_cast<double>(std::max<uint64_t>(asked_, 1));
  }
  // And of newcomers, how many were answered.
  [[nodiscard]] double newcomers_answered_share() const {
    return static_cast<double>(newcomers_answered_) /
           static_cast<double>(std::max<uint64_t>(newcomers_asked_, 1));
  }
  void begin_counting() { served_ = asked_ = newcomers_answered_ = newcomers_asked_ = 0; }

  std::optional<WorkerShield> shield_;
  SharedObject<ShieldMemory> memory_ = *SharedObject<ShieldMemory>::create("a test");
  std::unique_ptr<exchange::Counters> counters_ = std::make_unique<exchange::Counters>();
  bool zone_found_ = false;  // in the last second
  bool many_names_found_ = false;
  bool is_overloaded_at_end_ = false;
  bool was_overloaded_ = false;  // ever
  uint64_t seconds_ = 0;

 private:
  template <typename Make>
  void arrive(uint32_t a_second, const Make& make) {
    const double mean = static_cast<double>(a_second) / (slowness * 1'000.0);
    const int count = mean > 0 ? std::poisson_distribution<>(mean)(random_) : 0;
    for (int i = 0; i < count; ++i) {
      const Question question = make();
      if (question.is_honest) ++asked_;
      if (queue_.size() < queue_max) {
        queue_.push_back(question);
      } else {
        ++lost_;
      }
    }
  }
  uint32_t any(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
  bool happens(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }
  Question honest() {
    return {any(resolvers), 1 + any(4), happens(0.02) ? NameFact::absent : NameFact::exists, true,
            usual_name()};
  }
  Question newcomer() {
    ++newcomers_asked_;
    return {newcomers_at + (any(newcomers) << 8), 1, NameFact::exists, false, usual_name()};
  }
  // By Zipf's law.
  uint64_t usual_name() {
    const double share = std::uniform_real_distribution<>(0, 1)(random_);
    return hash_mix(static_cast<uint64_t>(std::pow(names_of_zones, share)), 0xe7037ed1a0b428db);
  }
  Question hostile(const Flood& flood) {
    const uint64_t number = flood.names == 0 ? ++names_made_up_ : any(flood.names);
    const uint64_t name = hash_mix(number ^ 0x1234567, 0x9e3779b97f4a7c15);
    if (happens(flood.through_resolvers)) {
      return {any(resolvers), 1, NameFact::absent, false, name};
    }
    return {resolvers + any(flood.bot_count), 1, flood.of_bots, false, name};
  }

  void take_turn() {
    uint64_t left_ns = ms + debt_ns_;
    shield_->begin_turn(now_ns_);
    while (!queue_.empty() && left_ns >= answer_ns) {
      left_ns -= answer(queue_.front());
      queue_.pop_front();
    }
    // What does not suffice for another is time of the next turn.
    debt_ns_ = queue_.empty() ? 0 : left_ns;
    if (!queue_.empty()) {
      shield_->note_backlog(static_cast<uint32_t>(queue_.size() * 1000 / queue_max), lost_);
      lost_ = 0;
    }
    now_ns_ += ms;
    if (shield_->wants_waits()) shield_->begin_wait(now_ns_ - std::min(left_ns - debt_ns_, ms));
    was_overloaded_ |= shield_->is_overloaded();
  }
  // What it cost.
  uint64_t answer(const Question& question) {
    const std::array<uint8_t, 4> address{
        static_cast<uint8_t>(question.source < resolvers ? 192 : 10),
        static_cast<uint8_t>(question.source >> 16), static_cast<uint8_t>(question.source >> 8),
        static_cast<uint8_t>(question.source)};
    shield_->look(0, address, question.source < resolvers ? 60 : 50);
    const Decision decision = decide(question);
    if (decision == Decision::drop) return drop_ns;
    if (question.is_honest) ++served_;
    if (decision == Decision::truncate) {
      shield_->count_cheap_answer(0, exchange::ShieldFate::truncated);
      return cheap_ns;
    }
    if (question.source >= newcomers_at) ++newcomers_answered_;
    return answer_ns;
  }
  Decision decide(const Question& question) {
    Decision decision = Decision::answer;
    if (!shield_->is_overloaded()) {
      shield_->remember(0);
    } else if (!shield_->judge(0, message)) {
      decision = shield_->decide_by_source(0);
      if (decision != Decision::look_up && decision != Decision::answer) return decision;
    }
    const auto zone = shield_->verdict_on(shield_->note_name(
        question.zone * 0x9e3779b97f4a7c15, apex_.view(), question.fact, question.name));
    many_names_found_ |= question.zone == 1 && zone.many_names;
    zone_found_ |= question.zone == 1 && zone.under_attack;
    if (decision != Decision::look_up) return decision;
    decision = shield_->decide_by_name(0, zone, question.fact);
    shield_->end_answer(0, answer_ns);
    return decision;
  }

  static constexpr std::array<uint8_t, 12> message{};

  std::mt19937_64 random_{26};
  std::deque<Question> queue_;
  wire::Name apex_ = *wire::Name::from_text("example.org.");
  uint64_t now_ns_ = 1'000'000 * ms;
  uint64_t debt_ns_ = 0;
  uint32_t lost_ = 0;
  uint64_t asked_ = 0;
  uint64_t served_ = 0;
  uint64_t newcomers_asked_ = 0;
  uint64_t newcomers_answered_ = 0;
  uint64_t names_made_up_ = 0;
};

constexpr size_t quiet_s = 8;  // of each recording
constexpr RecordedSecond ordinary{1'000, 0};

TEST_F(Detection, AFlashCrowdAndARetryStormTriggerNothing) {
  play(recorded_flash_crowd, {});
  play(recorded_retry_storm, {});
  EXPECT_FALSE(was_overloaded_);
  EXPECT_EQ(served_share(), 1);
  EXPECT_EQ(memory_->orders[0].learning, 1U);
}

// The queue runs over in the longest, at 60 % of what the worker can do.
TEST_F(Detection, AProcessorThatStandsStillTriggersNothing) {
  constexpr RecordedSecond busy{150'000, 0};
  play_second(busy, {});
  for (const int stall_ms : {10, 30, 60, 90}) {
    play_second(busy, {}, stall_ms);
    EXPECT_FALSE(was_overloaded_) << stall_ms;
  }
  EXPECT_LT(served_share(), 1);
}

TEST_F(Detection, RandomNamesAreFoundWithinASecondAndReleasedAfterFive) {
  const std::span<const RecordedSecond> traffic(recorded_random_names);
  play(traffic.first(quiet_s), {});
  ASSERT_FALSE(was_overloaded_);
  begin_counting();
  play_second(traffic[quiet_s], {});
  EXPECT_TRUE(is_overloaded_at_end_) << "within a second";
  play_second(traffic[quiet_s + 1], {});
  EXPECT_TRUE(zone_found_) << "within two";
  play(traffic.subspan(quiet_s + 2, 8), {});
  EXPECT_GE(served_share(), 0.98);
  EXPECT_EQ(memory_->orders[0].learning, 0U);
  for (int i = 0; i < 4; ++i) play_second(ordinary, {});
  EXPECT_TRUE(is_overloaded_at_end_) << "it may come again";
  for (int i = 0; i < 4; ++i) play_second(ordinary, {});
  EXPECT_FALSE(is_overloaded_at_end_);
}

TEST_F(Detection, EachPulseIsFoundAsTheFirstOne) {
  uint64_t hostile_before = 0;
  int pulses = 0;
  for (const RecordedSecond& second : recorded_pulse) {
    play_second(second, {});
    if (hostile_before > 0 && second.hostile > 0) {
      EXPECT_TRUE(is_overloaded_at_end_) << seconds_;
      EXPECT_TRUE(zone_found_) << seconds_;
    }
    if (hostile_before == 0 && second.hostile > 0) ++pulses;
    hostile_before = second.hostile;
  }
  EXPECT_EQ(pulses, 3);
  EXPECT_GE(served_share(), 0.98);
}

// Of 2016: bursts from everywhere, then waves half of which come through the resolvers themselves,
// while these repeat twentyfold. What the bursts taught must not hide the waves.
TEST_F(Detection, TheWavesOf2016AreFoundAfterTheBursts) {
  const std::span<const RecordedSecond> traffic(recorded_dyn_2016);
  constexpr size_t burst_s = 25;
  constexpr size_t pause_s = 5;
  constexpr uint32_t beyond = 240'000;
  play(traffic.first(quiet_s + burst_s), {});
  EXPECT_TRUE(was_overloaded_);
  EXPECT_TRUE(zone_found_);
  play(traffic.subspan(quiet_s + burst_s, pause_s), {});
  const Flood wave{.through_resolvers = 0.5, .of_bots = NameFact::exists};
  begin_counting();
  const size_t begin = quiet_s + burst_s + pause_s;
  for (size_t second = begin; second < traffic.size(); ++second) {
    play_second(traffic[second], wave);
    // The first second of a wave finds it, if with what is honest it is more than can be done.
    if (traffic[second].hostile < beyond || traffic[second - 1].hostile < beyond) continue;
    EXPECT_TRUE(zone_found_) << second;
  }
  EXPECT_GE(served_share(), 0.97);
}

// Ten times what the worker can do, all of it honest: a crowd asks for the names that it always
// asks for.
TEST_F(Detection, ACrowdBeyondAllCapacityHasNoManyNames) {
  const std::span<const RecordedSecond> traffic(recorded_flash_crowd);
  play(traffic.first(quiet_s), {});
  for (int i = 0; i < 5; ++i) {
    play_second({600'000, 0}, {});
    EXPECT_FALSE(many_names_found_);
    EXPECT_FALSE(zone_found_);
  }
  EXPECT_TRUE(was_overloaded_);
}

// Names made up under a wildcard, from a million sources each of which stays below every limit:
// what newcomers ask for in the same zone, and is there for itself, comes before them.
TEST_F(Detection, MadeUpNamesUnderAWildcardComeAfterThoseThatAreThere) {
  const std::span<const RecordedSecond> traffic(recorded_random_names);
  const Flood flood{.of_bots = NameFact::wildcard, .bot_count = 1'000'000, .newcomers = newcomers};
  play(traffic.first(quiet_s), {});
  play(traffic.subspan(quiet_s, 3), flood);
  EXPECT_TRUE(many_names_found_);
  begin_counting();
  play(traffic.subspan(quiet_s + 3, 4), flood);
  const double judged = newcomers_answered_share();
  memory_->common.dry_run = SHIELD_DRY_RUN_ZONES;
  begin_counting();
  play(traffic.subspan(quiet_s + 3, 4), flood);
  EXPECT_GE(judged, 0.9);
  EXPECT_LT(newcomers_answered_share(), 0.5) << "without it";
  RecordProperty("newcomers_answered_permille", static_cast<int>(judged * 1000));
}

// An attacker who knows the code: names that are never absent, from many sources each of which
// stays below the limit of one that is not known, or from few that do not. None of it is ever
// called random names; sources decide.
class KnowsTheCode : public Detection, public testing::WithParamInterface<Flood> {};

TEST_P(KnowsTheCode, TheHonestAreServedAndNoZoneIsAccused) {
  const std::span<const RecordedSecond> traffic(recorded_random_names);
  play(traffic.first(quiet_s), {});
  begin_counting();
  for (const RecordedSecond& second : traffic.subspan(quiet_s, 10)) {
    play_second(second, GetParam());
    EXPECT_FALSE(zone_found_);
  }
  EXPECT_EQ(many_names_found_, GetParam().names == 0) << "but that they are many is seen";
  EXPECT_GE(served_share(), 0.98);
  RecordProperty("honest_served_permille", static_cast<int>(served_share() * 1000));
}

INSTANTIATE_TEST_SUITE_P(Names, KnowsTheCode,
                         testing::Values(Flood{.of_bots = NameFact::exists},
                                         Flood{.of_bots = NameFact::exists, .names = 100},
                                         Flood{.of_bots = NameFact::wildcard},
                                         Flood{.of_bots = NameFact::exists, .bot_count = 1'000'000},
                                         Flood{.of_bots = NameFact::wildcard, .bot_count = 100}));

}  // namespace
}  // namespace holdfast::shield
