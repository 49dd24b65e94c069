// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/version_hold.h"

#include "dnssec/rollover_model.h"

namespace holdfast::dnssec {
namespace {

using testing::IsEmpty;

constexpr RolloverTimes times = rollover_times;
constexpr uint64_t outage_s = 2000;  // longer than all of a rollover

class VersionHold : public RolloverModel {
 protected:
  // What was served goes on being served.
  void nobody_signs_for(uint64_t seconds) {
    for (const uint64_t end_s = now_s_ + seconds; now_s_ < end_s; now_s_ += step_s) record();
  }
  [[nodiscard]] std::vector<ZoneKey> held() const {
    const Moment& served = moments_.rbegin()->second;
    return hold_for_version(
        keys_, {.dnskeys = views(served.dnskeys), .soa_signatures = views(served.soa_signatures)},
        now_s_, times);
  }
  // As each time before a version is made.
  void hold_and_run_for(uint64_t seconds) {
    for (const uint64_t end_s = now_s_ + seconds; now_s_ < end_s;) {
      save(held());
      run_for(step_s);
    }
  }
  [[nodiscard]] bool is_served(const std::vector<uint8_t>& dnskey) const {
    const auto& last = moments_.rbegin()->second.dnskeys;
    return std::ranges::find(last, dnskey) != last.end();
  }
};

TEST_F(VersionHold, ATakeOverAndItsEndDoNotComeWithOneVersion) {
  begin({flags_ksk, flags_zsk});
  run_for(200);
  const auto old = keys_[1].dnskey_rdata();
  save(roll_zsk(keys_, now_s_, times, maker(15)));
  hold_and_run_for(100);
  nobody_signs_for(outage_s);
  hold_and_run_for(step_s);
  EXPECT_TRUE(is_served(old));
  hold_and_run_for(1000);
  expect_validated_from_every_cache();
  EXPECT_FALSE(is_served(old));
}

TEST_F(VersionHold, ASuccessorThatWasNeverServedDoesNotSignWithItsFirstVersion) {
  begin({flags_ksk, flags_zsk});
  run_for(200);
  const auto old = keys_[1].dnskey_rdata();
  save(roll_zsk(keys_, now_s_, times, maker(15)));
  nobody_signs_for(outage_s);
  hold_and_run_for(step_s);
  EXPECT_TRUE(is_served(old));
  EXPECT_TRUE(is_served(keys_.back().dnskey_rdata()));
  hold_and_run_for(1000);
  expect_validated_from_every_cache();
  EXPECT_FALSE(is_served(old));
}

TEST_F(VersionHold, TheParentIsToldOfAKeyThatWasServed) {
  begin({flags_ksk, flags_zsk});
  run_for(200);
  const auto old_cds = moments_.rbegin()->second.cds;
  save(roll_entry_point(keys_, now_s_, times, maker(15)));
  nobody_signs_for(outage_s);
  hold_and_run_for(step_s);
  EXPECT_EQ(moments_.rbegin()->second.cds, old_cds);
  hold_and_run_for(400);
  EXPECT_NE(moments_.rbegin()->second.cds, old_cds);
  parent_follows();
  hold_and_run_for(step_s);
  save(confirm_ds(keys_, now_s_, times));
  hold_and_run_for(800);
  expect_validated_from_every_cache();
  EXPECT_EQ(moments_.rbegin()->second.dnskeys.size(), 2U);
}

TEST_F(VersionHold, AKskThatWasLaidOutToGoStaysUntilTheParentCouldSeeItsSuccessor) {
  begin({flags_ksk, flags_zsk});
  run_for(200);
  const auto old = keys_[0].dnskey_rdata();
  save(roll_entry_point(keys_, now_s_, times, maker(15)));
  keys_[0].times.inactive = keys_[0].times.remove = *keys_[0].times.sync_remove + 500;
  nobody_signs_for(outage_s);
  hold_and_run_for(400);  // its successor's CDS is out from the 350th second on
  parent_follows();
  hold_and_run_for(400);
  EXPECT_TRUE(is_served(old));
  hold_and_run_for(200);
  EXPECT_FALSE(is_served(old));
  expect_validated_from_every_cache();
}

TEST_F(VersionHold, TimesThatWereFollowedStandAsTheyAre) {
  begin({flags_ksk, flags_zsk});
  run_for(200);
  save(roll_zsk(keys_, now_s_, times, maker(15)));
  save(roll_entry_point(keys_, now_s_, times, maker(15)));
  for (int i = 0; i < 60; ++i) {
    run_for(step_s);
    EXPECT_THAT(held(), IsEmpty()) << now_s_ - sample_time_s;
  }
}

TEST_F(VersionHold, WhatIsToLeaveAtOnceLeaves) {
  begin({flags_ksk, flags_zsk});
  run_for(200);
  const auto old = keys_[1].dnskey_rdata();
  save(roll_zsk(keys_, now_s_, times, maker(15)));
  run_for(100);
  for (ZoneKey& key : keys_) {
    if (key.times.inactive) {
      key.times.inactive = key.times.remove = now_s_;
    } else if (!key.is_entry_point()) {
      key.times.activate = now_s_;
    }
  }
  EXPECT_THAT(held(), IsEmpty());
  run_for(step_s);
  EXPECT_FALSE(is_served(old));
}

TEST_F(VersionHold, AZoneThatIsNotSignedYetHoldsNothing) {
  begin({flags_ksk, flags_zsk});
  save(roll_zsk(keys_, now_s_, times, maker(15)));
  EXPECT_THAT(hold_for_version(keys_, {}, now_s_ + outage_s, times), IsEmpty());
}

}  // namespace
}  // namespace holdfast::dnssec
