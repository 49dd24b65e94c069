// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/verdict.h"

#include <gtest/gtest.h>

#include "drill/counter_layout.h"

namespace holdfast::drill {
namespace {

constexpr auto known = static_cast<size_t>(ClientKind::known);
constexpr auto shared = static_cast<size_t>(ClientKind::shared);

// Two seconds of quiet, four of attack, two after; a hundred questions a bin.
class VerdictTest : public testing::Test {
 protected:
  VerdictTest() {
    record_.scenario.phases = {{"quiet", PhaseRole::quiet, 2},
                               {"attack", PhaseRole::attack, 4},
                               {"after", PhaseRole::after, 2}};
    record_.honest.bins.resize(33);
    record_.attack.resize(32);
    record_.honest.asked = {800, 1600, 800};
    record_.honest.late = {0, 0, 0};
    record_.honest.times.assign(3, std::vector<uint64_t>(histogram_buckets));
    for (size_t bin = 0; bin < 32; ++bin) answer(bin, 100);
  }
  void answer(size_t bin, uint64_t at_once, size_t kind = known, bool attacked_zone = false) {
    record_.honest.bins[bin][kind][attacked_zone ? 1 : 0][1] = {100, at_once, (100 - at_once) / 2};
  }

  DrillRecord record_;
};

TEST_F(VerdictTest, WithoutTroubleAllIsOne) {
  const Verdict verdict = judge(record_);
  EXPECT_EQ(first_try_share(verdict.attack), 1);
  EXPECT_EQ(verdict.attack.asked, 1600U);
  EXPECT_EQ(verdict.mitigated_s, 0);
  EXPECT_EQ(verdict.released_s, 0);
  EXPECT_FALSE(verdict.detected_s.has_value());
}

TEST_F(VerdictTest, ALoadThatWasNotSentAsOrderedPassesNothing) {
  for (size_t bin = 8; bin < 24; ++bin) record_.attack[bin].sent = 10'000;
  EXPECT_TRUE(has_passed(judge(record_)));
  record_.attack[9].missed = 1'600;  // of 161,600
  EXPECT_FALSE(is_disturbed(judge(record_)));
  record_.attack[10].missed = 100;
  EXPECT_TRUE(is_disturbed(judge(record_)));
  EXPECT_FALSE(has_passed(judge(record_)));
}

TEST_F(VerdictTest, ResolversThatWereKeptWaitingPassNothing) {
  record_.honest.late = {800, 16, 800};  // of the attack's 1,600
  EXPECT_TRUE(has_passed(judge(record_)));
  record_.honest.late[1] = 17;
  EXPECT_TRUE(is_disturbed(judge(record_)));
  EXPECT_FALSE(has_passed(judge(record_)));
}

// What the server loses while no processor stands still it has lost itself; the rest says nothing.
TEST_F(VerdictTest, QuestionsNearAStallAreToldApart) {
  for (size_t bin = 8; bin < 24; ++bin) answer(bin, 90);
  record_.undisturbed = record_.honest;
  for (size_t bin = 8; bin < 24; ++bin) {
    record_.undisturbed.bins[bin][known][0][1] = {60, 60, 0};
    record_.attack[bin].stalled_ns = bin_ns / 50;
  }
  EXPECT_FALSE(judge(record_).stalled_share.has_value());
  record_.stalls_watched = true;
  record_.undisturbed.asked[1] = 960;
  record_.undisturbed.times[1][histogram_bucket(1'000'000)] = 960;
  const Verdict verdict = judge(record_);
  EXPECT_EQ(first_try_share(verdict.attack), 0.9);
  EXPECT_EQ(first_try_share(verdict.undisturbed.attack), 1);
  EXPECT_LT(verdict.undisturbed.attack_latency.p99_ns, 1'100'000U);
  EXPECT_EQ(verdict.attack_latency.p99_ns, lost_ns);
  EXPECT_FALSE(verdict.mitigated_s.has_value());
  EXPECT_EQ(verdict.undisturbed.mitigated_s, 0);
  EXPECT_NEAR(verdict.stalled_share.value_or(0), 0.02, 1e-9);
  EXPECT_FALSE(is_disturbed(verdict));
  EXPECT_TRUE(has_passed(verdict));
  for (size_t bin = 8; bin < 24; ++bin) record_.undisturbed.bins[bin][known][0][1] = {60, 59, 1};
  EXPECT_FALSE(has_passed(judge(record_)));
}

TEST_F(VerdictTest, ARunOfWhichHalfIsNearStallsPassesNothing) {
  record_.undisturbed = record_.honest;
  for (size_t bin = 8; bin < 24; ++bin) record_.undisturbed.bins[bin][known][0][1] = {50, 50, 0};
  EXPECT_FALSE(is_disturbed(judge(record_)));
  record_.undisturbed.bins[8][known][0][1] = {49, 49, 0};
  EXPECT_TRUE(is_disturbed(judge(record_)));
  EXPECT_FALSE(has_passed(judge(record_)));
}

TEST_F(VerdictTest, TooLittleAnsweredPassesNotThoughNothingDisturbs) {
  for (size_t bin = 8; bin < 24; ++bin) answer(bin, 98);
  EXPECT_FALSE(is_disturbed(judge(record_)));
  EXPECT_FALSE(has_passed(judge(record_)));
}

TEST_F(VerdictTest, SharesAreOfTheAttacksPhases) {
  for (size_t bin = 8; bin < 24; ++bin) answer(bin, 50);
  answer(8, 0, shared, true);
  const Verdict verdict = judge(record_);
  EXPECT_EQ(first_try_share(verdict.kinds[known]), 0.5);
  EXPECT_EQ(final_share(verdict.kinds[known]), 0.75);
  EXPECT_EQ(first_try_share(verdict.kinds[shared]), 0);
  EXPECT_EQ(first_try_share(verdict.attacked_zone), 0);
  EXPECT_EQ(first_try_share(verdict.other_zones), 0.5);
  EXPECT_EQ(first_try_share(verdict.quiet), 1);
  EXPECT_FALSE(verdict.mitigated_s.has_value());
  EXPECT_EQ(verdict.released_s, 0);
}

TEST_F(VerdictTest, MitigatedIsWhenItStaysWell) {
  for (size_t bin = 8; bin < 10; ++bin) answer(bin, 0);
  // The bad bins leave the second that is looked at three bins later.
  EXPECT_EQ(judge(record_).mitigated_s, 1.25);
  answer(20, 0);
  EXPECT_FALSE(judge(record_).mitigated_s.has_value()) << "the last second holds a bad bin";
}

TEST_F(VerdictTest, DetectedIsWhenTheLogSpeaksOfIt) {
  record_.log = {{1, "attack expected"}, {2.5, "ready"}, {3, "an attack begins"}};
  EXPECT_EQ(judge(record_).detected_s, 1);
}

TEST_F(VerdictTest, WhatWasNeverAnsweredCountsAsLate) {
  record_.honest.times[1][histogram_bucket(1'000'000)] = 1500;  // of 1,600
  const Verdict verdict = judge(record_);
  EXPECT_LT(verdict.attack_latency.p50_ns, 1'100'000U);
  EXPECT_EQ(verdict.attack_latency.p99_ns, lost_ns);
}

TEST_F(VerdictTest, TheAttacksBinsAreSummedUp) {
  record_.attack[8] = {1000, 1, 10, 500, bin_ns / 2};
  record_.attack[0] = {7, 7, 7, 7, 7};
  const Verdict verdict = judge(record_);
  EXPECT_EQ(verdict.sent.sent, 1000U);
  EXPECT_EQ(verdict.sent.ring_drops, 10U);
  EXPECT_EQ(verdict.attack_s, 4);
  EXPECT_NEAR(verdict.attack_busy, 0.5 / 16, 1e-9);
}

}  // namespace
}  // namespace holdfast::drill
