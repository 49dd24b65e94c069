// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/rate_table.h"

#include <gtest/gtest.h>

#include <memory>

namespace holdfast::shield {
namespace {

TEST(RateTable, CountsAndForgets) {
  const auto memory = std::make_unique<ShieldRateTable>();
  RateTable rates(*memory);
  uint64_t now = 10'240;
  uint32_t rate = 0;
  for (int i = 0; i < 500; ++i) rate = rates.count(3, now += 4);
  EXPECT_NEAR(rate, 256, 4);
  EXPECT_EQ(rates.estimate(3, now), rate);
  EXPECT_EQ(rates.estimate(4, now), 0u);
  EXPECT_NEAR(rates.estimate(3, now + 512), 128, 10);
  EXPECT_EQ(rates.estimate(3, now + 2'100), 0u);
}

TEST(RateTable, AnAmountIsBounded) {
  const auto memory = std::make_unique<ShieldRateTable>();
  RateTable rates(*memory);
  EXPECT_EQ(rates.add(1, 1500, 5'000), 1500u);
  EXPECT_EQ(rates.add(1, 0, 5'000), 1500u);
  EXPECT_EQ(rates.add(1, 0xffffffff, 5'000), SHIELD_COUNT_MAX);
}

}  // namespace
}  // namespace holdfast::shield
