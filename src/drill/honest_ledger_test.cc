// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/honest_ledger.h"

#include <gtest/gtest.h>

#include <numeric>

#include "drill/counter_layout.h"

namespace holdfast::drill {
namespace {

constexpr uint64_t start_ns = 1'000'000'000'000;
constexpr uint64_t ms = 1'000'000;

TEST(HonestLedger, CountsAQuestionWhereItWasFirstAsked) {
  Population population;
  population.resolvers.resize(2);
  population.resolvers[1].kind = ClientKind::never_seen;
  HonestLedger ledger(population, {{true, false}, {false, true}}, start_ns, {1000 * ms, 2000 * ms});
  ledger.on_asked(0, 0, start_ns + 300 * ms, start_ns + 300 * ms);
  ledger.on_ended({ModelOutcome::End::answered_by_repeat, 0, 0, start_ns + 300 * ms, 900 * ms});
  ledger.on_asked(1, 1, start_ns + 1100 * ms, start_ns + 1102 * ms);
  ledger.on_ended({ModelOutcome::End::answered_at_once, 1, 1, start_ns + 1100 * ms, ms});
  ledger.on_asked(0, 0, start_ns + 1200 * ms, start_ns + 1203 * ms);
  ledger.on_ended({ModelOutcome::End::given_up, 0, 0, start_ns + 1200 * ms, 0});

  const auto known = static_cast<size_t>(ClientKind::known);
  const auto never_seen = static_cast<size_t>(ClientKind::never_seen);
  const auto answered = [](const HonestTally& tally, size_t phase) {
    const auto& times = tally.times[phase];
    return std::accumulate(times.begin(), times.end(), uint64_t{0});
  };
  const auto at_once = [](const HonestTally& tally, size_t bin) {
    const auto& times = tally.times_at_once[bin];
    return std::accumulate(times.begin(), times.end(), uint64_t{0});
  };
  const HonestTally all = ledger.tally();
  EXPECT_EQ(at_once(all, 1), 0U) << "it was asked again";
  EXPECT_EQ(at_once(all, 4), 1U);
  EXPECT_EQ(all.times_at_once[4][histogram_bucket(ms)], 1U);
  EXPECT_EQ(all.bins[1][known][0][1].asked, 1U);
  EXPECT_EQ(all.bins[1][known][0][1].by_repeat, 1U);
  EXPECT_EQ(all.bins[4][never_seen][1][0].at_once, 1U);
  EXPECT_EQ(all.bins[4][known][0][1].asked, 1U);
  EXPECT_EQ(all.bins[4][known][0][1].at_once, 0U);
  EXPECT_EQ(all.asked, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(all.late, (std::vector<uint64_t>{0, 1}));
  EXPECT_EQ(answered(all, 0), 1U);
  EXPECT_EQ(answered(all, 1), 1U);

  const HonestTally some =
      ledger.tally([](uint64_t sent_ns) { return sent_ns < start_ns + 1200 * ms; });
  EXPECT_EQ(some.asked, (std::vector<uint64_t>{1, 1}));
  EXPECT_EQ(some.late, (std::vector<uint64_t>{0, 0}));
  EXPECT_EQ(some.bins[4][never_seen][1][0].at_once, 1U);
  EXPECT_EQ(some.bins[4][known][0][1].asked, 0U);
  EXPECT_EQ(answered(some, 0) + answered(some, 1), 2U);
}

}  // namespace
}  // namespace holdfast::drill
