// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/rollover.h"

#include "dnssec/rollover_model.h"

namespace holdfast::dnssec {
namespace {

using testing::HasSubstr;

using Rollover = RolloverModel;
constexpr RolloverTimes times = rollover_times;

TEST_F(Rollover, OfAZsk) {
  begin({flags_ksk, flags_zsk});
  run_for(200);
  const auto old = keys_[1].dnskey_rdata();
  save(roll_zsk(keys_, now_s_, times, maker(15)));
  EXPECT_EQ(keys_.size(), 3U);
  EXPECT_FALSE(roll_zsk(keys_, now_s_ + step_s, times, maker(15)).has_value());
  run_for(1500);
  expect_validated_from_every_cache();
  const auto& last = moments_.rbegin()->second.dnskeys;
  EXPECT_EQ(last.size(), 2U);
  EXPECT_EQ(std::ranges::find(last, old), last.end());
}

TEST_F(Rollover, OfAKskThatWaitsForTheParent) {
  begin({flags_ksk, flags_zsk});
  run_for(200);
  const auto old = keys_[0].dnskey_rdata();
  save(roll_entry_point(keys_, now_s_, times, maker(15)));
  EXPECT_THAT(confirm_ds(keys_, now_s_, times).error().message, HasSubstr("not in all caches"));
  run_for(1000);
  EXPECT_EQ(moments_.rbegin()->second.dnskeys.size(), 3U);  // however long the parent takes
  parent_follows();
  run_for(step_s);
  save(confirm_ds(keys_, now_s_, times));
  run_for(800);
  expect_validated_from_every_cache();
  const auto& last = moments_.rbegin()->second.dnskeys;
  EXPECT_EQ(last.size(), 2U);
  EXPECT_EQ(std::ranges::find(last, old), last.end());
}

TEST_F(Rollover, OfACskToAnotherAlgorithm) {
  run_for(200);
  save(roll_entry_point(keys_, now_s_, times, maker(13)));
  run_for(600);
  parent_follows();
  save(confirm_ds(keys_, now_s_, times));
  run_for(800);
  expect_validated_from_every_cache();
  EXPECT_EQ(moments_.rbegin()->second.dnskeys.size(), 1U);
  EXPECT_EQ(moments_.rbegin()->second.dnskeys.front()[3], 13);
}

TEST_F(Rollover, OfAPairToACskOfAnotherAlgorithm) {
  begin({flags_ksk, flags_zsk});
  run_for(200);
  save(roll_entry_point(keys_, now_s_, times, maker(13)));
  run_for(600);
  parent_follows();
  save(confirm_ds(keys_, now_s_, times));
  run_for(800);
  expect_validated_from_every_cache();
  EXPECT_EQ(moments_.rbegin()->second.dnskeys.size(), 1U);
}

TEST_F(Rollover, GoesOnAfterACrash) {
  begin({flags_ksk, flags_zsk});
  save(roll_zsk(keys_, now_s_, times, maker(15)), 1);  // the new key alone was saved
  run_for(step_s);
  save(roll_zsk(keys_, now_s_, times, maker(15)));
  EXPECT_EQ(keys_.size(), 3U);
  save(roll_entry_point(keys_, now_s_, times, maker(15)), 1);
  run_for(step_s);
  save(roll_entry_point(keys_, now_s_, times, maker(15)));
  EXPECT_EQ(keys_.size(), 4U);
  run_for(700);
  parent_follows();
  save(confirm_ds(keys_, now_s_, times), 0);
  run_for(step_s);
  save(confirm_ds(keys_, now_s_, times));
  run_for(800);
  expect_validated_from_every_cache();
  EXPECT_EQ(moments_.rbegin()->second.dnskeys.size(), 2U);
}

TEST_F(Rollover, NoSuccessorHasTheTagOfAnotherKey) {
  begin({flags_ksk, flags_zsk});
  int made = 0;
  const auto make = [&] { return ++made == 1 ? Result<PrivateKey>(keys_[1].key()) : maker(15)(); };
  const auto changed = roll_zsk(keys_, now_s_, times, make).value();
  EXPECT_NE(changed.front().tag(), keys_[1].tag());
  EXPECT_GE(made, 2);
}

TEST_F(Rollover, IsRefusedWhereNothingCanRoll) {
  EXPECT_FALSE(roll_zsk(keys_, now_s_, times, maker(15)).has_value());
  EXPECT_FALSE(confirm_ds(keys_, now_s_, times).has_value());
  EXPECT_FALSE(roll_entry_point({}, now_s_, times, maker(15)).has_value());
}

}  // namespace
}  // namespace holdfast::dnssec
