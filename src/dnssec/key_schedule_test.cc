// SPDX-License-Identifier: GPL-3.0-or-later
// Years of a zone by a clock that is moved: every rollover that falls due, each step of it
// validated from every cache.
#include "dnssec/key_schedule.h"

#include "dnssec/rollover_model.h"

namespace holdfast::dnssec {
namespace {

class Scheduled : public RolloverModel {
 protected:
  Scheduled() {
    schedule_.times = rollover_times;
    schedule_.zsk_lifetime_s = 2000;
    schedule_.entry_point_lifetime_s = 5000;
  }
  void begin_timed(const std::vector<uint16_t>& flags) {
    begin(flags);
    for (ZoneKey& key : keys_) key.times.activate = sample_time_s - 1;
  }
  static Result<PrivateKey> make(uint8_t algorithm) {
    return PrivateKey::generate(*find_algorithm(algorithm));
  }
  // Does what is due. What is saved may end after any key, as by a crash; so it does every so
  // often.
  void do_steps() {
    for (int i = 0; i < 5; ++i) {
      const auto step = next_step(keys_, now_s_, schedule_, ds_seen(), make);
      ASSERT_TRUE(step.has_value()) << step.error().message;
      if (step->changed.empty()) return;
      if (!step->sentence.empty()) ++begun_;
      ++saved_;
      if (crashes_ && saved_ % 2 == 1) return save(step->changed, 1);
      save(step->changed);
    }
    FAIL() << "there is always a step more";
  }
  // The DS of the parent is that of this one key.
  uint16_t ds_seen() const {
    const auto& ds = ds_.rbegin()->second;
    return ds.size() == 1 ? load_be16(ds.front().data()) : 0;
  }
  void live_for(uint64_t seconds, uint64_t parent_takes_s) {
    for (const uint64_t end_s = now_s_ + seconds; now_s_ < end_s;) {
      do_steps();
      run_for(step_s);
      if (HasFatalFailure()) return;
      const auto& cds = moments_.rbegin()->second.cds;
      if (cds.empty() || cds == ds_.rbegin()->second) {
        differs_since_s_ = now_s_;
      } else if (now_s_ - differs_since_s_ >= parent_takes_s) {
        parent_follows();
      }
    }
  }
  std::vector<std::vector<uint8_t>> served() { return moments_.rbegin()->second.dnskeys; }

  KeySchedule schedule_;
  bool crashes_ = false;
  size_t begun_ = 0;
  size_t saved_ = 0;
  uint64_t differs_since_s_ = sample_time_s;
};

TEST_F(Scheduled, APairLives) {
  begin_timed({flags_ksk, flags_zsk});
  const auto first = keys_;
  live_for(9000, 400);
  expect_validated_from_every_cache();
  EXPECT_EQ(served().size(), 2U);
  for (const ZoneKey& key : first) {
    EXPECT_EQ(std::ranges::count(served(), key.dnskey_rdata()), 0) << key.tag();
  }
  EXPECT_GE(begun_, 5U);  // four of the ZSK, one of the KSK
}

TEST_F(Scheduled, APairLivesThroughCrashes) {
  begin_timed({flags_ksk, flags_zsk});
  crashes_ = true;
  live_for(9000, 400);
  expect_validated_from_every_cache();
  EXPECT_EQ(served().size(), 2U);
}

TEST_F(Scheduled, ACskWaitsForASlowParentAndRollsOnceMore) {
  begin_timed({flags_ksk});
  live_for(8000, 1'000'000);  // the parent does not follow
  expect_validated_from_every_cache();
  EXPECT_EQ(served().size(), 2U);
  EXPECT_NE(waits_for_parent(keys_, now_s_), nullptr);
  EXPECT_EQ(begun_, 1U);
  live_for(7000, 100);
  expect_validated_from_every_cache();
  EXPECT_EQ(served().size(), 1U);
}

TEST_F(Scheduled, AnotherAlgorithmIsGoneToAndTheZskGoesWithIt) {
  begin_timed({flags_ksk, flags_zsk});
  schedule_.algorithm = 13;
  EXPECT_EQ(next_step_time(keys_, schedule_), 0U);
  live_for(4000, 100);
  expect_validated_from_every_cache();
  ASSERT_EQ(served().size(), 1U);
  EXPECT_EQ(served().front()[3], 13);
}

TEST_F(Scheduled, WhatTheParentHasBesideItIsNoConfirmation) {
  begin_timed({flags_ksk});
  live_for(6000, 1'000'000);
  const ZoneKey* waiting = waits_for_parent(keys_, now_s_);
  ASSERT_NE(waiting, nullptr);
  EXPECT_TRUE(next_step(keys_, now_s_, schedule_, 0, make)->changed.empty());
  EXPECT_TRUE(next_step(keys_, now_s_, schedule_, keys_.front().tag(), make)->changed.empty());
  EXPECT_FALSE(next_step(keys_, now_s_, schedule_, waiting->tag(), make)->changed.empty());
}

TEST_F(Scheduled, KeysWithoutTimesOrLifetimesAreLeftAlone) {
  begin({flags_ksk, flags_zsk});
  for (ZoneKey& key : keys_) key.times = {};
  schedule_.algorithm = 13;
  EXPECT_TRUE(next_step(keys_, now_s_, schedule_, 0, make)->changed.empty());
  EXPECT_EQ(next_step_time(keys_, schedule_), UINT64_MAX);
  begin_timed({flags_ksk, flags_zsk});
  schedule_ = {};
  EXPECT_TRUE(next_step(keys_, now_s_ + 1'000'000'000, schedule_, 0, make)->changed.empty());
}

}  // namespace
}  // namespace holdfast::dnssec
