// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/popularity.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace holdfast::drill {
namespace {

TEST(ZipfDraws, GivesEachItsShare) {
  const auto draws = zipf_draws(4, 1.0, 25'000);
  // 1 + 1/2 + 1/3 + 1/4 = 25/12
  EXPECT_EQ(std::ranges::count(draws, 0U), 12'000);
  EXPECT_EQ(std::ranges::count(draws, 1U), 6'000);
  EXPECT_EQ(std::ranges::count(draws, 2U), 4'000);
  EXPECT_EQ(std::ranges::count(draws, 3U), 3'000);
  EXPECT_TRUE(std::ranges::is_sorted(draws));
}

TEST(ZipfDraws, IsEvenWithExponentZero) {
  const auto draws = zipf_draws(8, 0, 64);
  for (uint32_t item = 0; item < 8; ++item) EXPECT_EQ(std::ranges::count(draws, item), 8);
}

TEST(ZipfDraws, StaysWithinBoundsWithMoreThingsThanDraws) {
  const auto draws = zipf_draws(1000, 1.2, 16);
  ASSERT_EQ(draws.size(), 16U);
  EXPECT_EQ(draws.front(), 0U);
  EXPECT_LT(draws.back(), 1000U);
}

}  // namespace
}  // namespace holdfast::drill
