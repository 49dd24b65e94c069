// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "drill/counter_layout.h"
#include "drill/drill_json.h"
#include "drill/drill_table.h"
#include "drill/verdict.h"

namespace holdfast::drill {
namespace {

using testing::HasSubstr;

constexpr auto known = static_cast<size_t>(ClientKind::known);
constexpr auto never_seen = static_cast<size_t>(ClientKind::never_seen);

// Two seconds of quiet, four of attack, two after; a thousand questions a bin.
class TargetsTest : public testing::Test {
 protected:
  TargetsTest() {
    record_.scenario.name = "mine";
    record_.scenario.phases = {{"quiet", PhaseRole::quiet, 2},
                               {"attack", PhaseRole::attack, 4},
                               {"after", PhaseRole::after, 2}};
    record_.honest.bins.resize(33);
    record_.attack.resize(32);
    record_.honest.asked = {8000, 16000, 8000};
    record_.honest.late = {0, 0, 0};
    record_.honest.times.assign(3, std::vector<uint64_t>(histogram_buckets));
    record_.honest.times[0][histogram_bucket(300'000)] = 8000;
    record_.honest.times[1][histogram_bucket(300'000)] = 16000;
    for (size_t bin = 0; bin < 32; ++bin) answer(bin, 1000);
  }
  void answer(size_t bin, uint64_t at_once, size_t kind = known) {
    record_.honest.bins[bin][kind][0][1] = {1000, at_once, 1000 - at_once};
  }
  [[nodiscard]] std::vector<TargetVerdict> judged() const {
    return judge_targets(record_, judge(record_));
  }
  [[nodiscard]] std::vector<std::string> missed() const {
    std::vector<std::string> names;
    for (const TargetVerdict& target : judged()) {
      if (!target.met()) names.emplace_back(target.name);
    }
    return names;
  }
  [[nodiscard]] std::string table() const {
    return drill_table({to_json(record_, judge(record_))});
  }

  DrillRecord record_;
};

TEST_F(TargetsTest, WithoutTroubleAllAreMet) {
  EXPECT_TRUE(missed().empty());
  EXPECT_GE(judged().size(), 5U);
  for (const TargetVerdict& target : judged()) {
    const auto is_it = [&](const TargetColumn& column) { return column.name == target.name; };
    EXPECT_TRUE(std::ranges::any_of(target_columns(), is_it)) << target.name << " has no column";
  }
}

TEST_F(TargetsTest, EachIsMissedByItself) {
  for (size_t bin = 8; bin < 24; ++bin) answer(bin, 985);
  EXPECT_THAT(missed(), testing::ElementsAre("first_try"));
  record_.scenario.targets->first_try = 0.98;
  EXPECT_TRUE(missed().empty());
  answer(9, 900, never_seen);
  EXPECT_THAT(missed(), testing::ElementsAre("never_seen"));
  record_.counts.wrong = 1;
  EXPECT_THAT(missed(), testing::ElementsAre("never_seen", "refused"));
}

TEST_F(TargetsTest, AreJudgedByWhatWasUndisturbed) {
  record_.undisturbed = record_.honest;
  for (size_t bin = 8; bin < 24; ++bin) answer(bin, 900);
  record_.honest.times[1] = std::vector<uint64_t>(histogram_buckets);
  EXPECT_TRUE(missed().empty());
  EXPECT_THAT(table(), HasSubstr("0.9000"));
  for (size_t bin = 8; bin < 24; ++bin) {
    record_.undisturbed.bins[bin][known][0][1] = {1000, 985, 15};
  }
  EXPECT_THAT(missed(), testing::ElementsAre("first_try"));
}

TEST_F(TargetsTest, TimesAreMostsAndWhatNeverHappensMissesThem) {
  record_.honest.times[1] = std::vector<uint64_t>(histogram_buckets);
  record_.honest.times[1][histogram_bucket(1'200'000)] = 16000;
  EXPECT_THAT(missed(), testing::ElementsAre("p99_times_quiet"));
  for (size_t bin = 20; bin < 24; ++bin) answer(bin, 0);
  EXPECT_THAT(missed(), testing::IsSupersetOf({"mitigated_s"}));
  for (size_t bin = 28; bin < 32; ++bin) answer(bin, 0);
  EXPECT_THAT(missed(), testing::IsSupersetOf({"mitigated_s", "released_s"}));
}

TEST_F(TargetsTest, WhereThereIsNoAttackNothingMayBeStarted) {
  record_.scenario.targets = Targets{.first_try = 1, .in_the_end = 1, .is_attack = false};
  EXPECT_TRUE(missed().empty());
  record_.log = {{2.5, "more to answer than can be: overload"}};
  answer(10, 999);
  EXPECT_THAT(missed(), testing::ElementsAre("first_try", "started"));
}

TEST_F(TargetsTest, OverSocketsAShareAloneIsAskedAndOfOthersNothing) {
  for (size_t bin = 8; bin < 24; ++bin) answer(bin, 800);
  record_.scenario.targets->first_try = over_sockets_first_try;
  record_.scenario.targets->share_alone = true;
  EXPECT_EQ(judged().size(), 1U);
  EXPECT_THAT(missed(), testing::ElementsAre("first_try"));
  record_.scenario.targets.reset();
  EXPECT_TRUE(judged().empty());
}

TEST_F(TargetsTest, ARunThatAskedNothingMeetsNothing) {
  for (LedgerBin& bin : record_.honest.bins) bin = {};
  EXPECT_THAT(missed(), testing::IsSupersetOf({"first_try", "in_the_end"}));
  EXPECT_FALSE(has_passed(judge(record_)));
  EXPECT_THAT(table(), HasSubstr("never < 0.99"));
  record_.scenario.targets->share_alone = true;
  EXPECT_THAT(missed(), testing::ElementsAre("first_try"));
}

TEST_F(TargetsTest, WithoutAQuietPhaseLatencyIsNoTarget) {
  record_.scenario.phases.front().role = PhaseRole::after;
  EXPECT_TRUE(missed().empty());
  for (const TargetVerdict& target : judged()) EXPECT_NE(target.name, "p99_times_quiet");
}

TEST_F(TargetsTest, TheTableTellsWhatWasWanted) {
  EXPECT_THAT(table(), HasSubstr("\n+  mine"));
  for (size_t bin = 8; bin < 24; ++bin) answer(bin, 900);
  EXPECT_THAT(table(), HasSubstr("0.9000 < 0.99"));
  record_.scenario.targets.reset();
  EXPECT_THAT(table(), testing::Not(HasSubstr("Targets:")));
}

}  // namespace
}  // namespace holdfast::drill
