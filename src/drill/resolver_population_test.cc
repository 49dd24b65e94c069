// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/resolver_population.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "drill/laboratory.h"

namespace holdfast::drill {
namespace {

TEST(ResolverPopulation, HasTheSharesOfItsShape) {
  PopulationShape shape;
  shape.resolvers = 20'000;
  const auto population = make_population(shape, AddressFamily::ipv4);
  ASSERT_TRUE(population.has_value()) << population.error().message;
  const auto& resolvers = population->resolvers;
  ASSERT_EQ(resolvers.size(), 20'000U);
  const auto without_tcp =
      std::ranges::count_if(resolvers, [](const Resolver& each) { return !each.can_use_tcp; });
  const auto with_cookies =
      std::ranges::count_if(resolvers, [](const Resolver& each) { return each.sends_cookies; });
  EXPECT_NEAR(static_cast<double>(without_tcp), 400, 100);
  EXPECT_NEAR(static_cast<double>(with_cookies), 1600, 200);
  for (const Resolver& each : resolvers) {
    ASSERT_TRUE(each.timeout_ms >= 400 && each.timeout_ms <= 2000);
    ASSERT_TRUE(each.tries >= 3 && each.tries <= 7);
    ASSERT_TRUE(each.back_off >= 1.5 && each.back_off <= 2);
  }
}

TEST(ResolverPopulation, FewSendMost) {
  PopulationShape shape;
  shape.resolvers = 1000;
  const auto population = make_population(shape, AddressFamily::ipv6);
  ASSERT_TRUE(population.has_value());
  const auto first_30 =
      std::ranges::count_if(population->draws, [](uint32_t number) { return number < 30; });
  // 1 + 1/2 + .. + 1/30 = 3.99 of 1 + .. + 1/1000 = 7.49.
  EXPECT_NEAR(static_cast<double>(first_30) / static_cast<double>(population->draws.size()), 0.53,
              0.01);
}

TEST(ResolverPopulation, IsTheSameForTheSameSeed) {
  const auto one = make_population({}, AddressFamily::ipv4);
  const auto other = make_population({}, AddressFamily::ipv4);
  ASSERT_TRUE(one.has_value() && other.has_value());
  for (size_t number = 0; number < one->resolvers.size(); ++number) {
    ASSERT_EQ(one->resolvers[number].timeout_ms, other->resolvers[number].timeout_ms);
    ASSERT_EQ(one->resolvers[number].address, other->resolvers[number].address);
  }
  PopulationShape none;
  none.resolvers = 0;
  EXPECT_FALSE(make_population(none, AddressFamily::ipv4).has_value());
}

TEST(ResolverPopulation, ThoseNeverSeenBeforeDoNotAskInQuietTimes) {
  PopulationShape shape;
  shape.resolvers = 2000;
  shape.never_seen = 0.2;
  shape.shared = 10;
  shape.wide = true;
  const auto population = make_population(shape, AddressFamily::ipv4);
  ASSERT_TRUE(population.has_value());
  const auto kind = [&](uint32_t number) { return population->resolvers[number].kind; };
  for (uint32_t number = 0; number < 10; ++number) EXPECT_EQ(kind(number), ClientKind::shared);
  EXPECT_LT(population->seen_draws.size(), population->draws.size());
  for (const uint32_t number : population->seen_draws) {
    ASSERT_NE(kind(number), ClientKind::never_seen);
  }
  EXPECT_TRUE(wide_range_ipv4().contains(population->resolvers[3].address));
}

}  // namespace
}  // namespace holdfast::drill
