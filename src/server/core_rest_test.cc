// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/core_rest.h"

#include <gtest/gtest.h>
#include <sched.h>

namespace holdfast::server {
namespace {

constexpr std::string_view stat =
    "cpu  300 0 100 4000 10 0 50 7 0 0\n"
    "cpu0 100 1 50 2000 5 2 30 3 9 9\n"
    "cpu1 200 0 50 2000 5 0 20 4 0 0\n"
    "cpu10 1 1 1 1 1 1 1 1 0 0\n"
    "intr 1 2 3\n";

TEST(CoreRest, FindsTheLineOfACore) {
  const auto first = find_core_ticks(stat, 0);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->all, 2191u);
  EXPECT_EQ(first->rest, 2005u);
  EXPECT_EQ(find_core_ticks(stat, 1)->all, 2279u);
  EXPECT_EQ(find_core_ticks(stat, 10)->all, 8u);
  EXPECT_FALSE(find_core_ticks(stat, 2));
  for (size_t size = 0; size < stat.find("cpu1 200"); ++size) {
    const auto cut = find_core_ticks(stat.substr(0, size), 0);
    EXPECT_TRUE(!cut || cut->all == 2191u) << size;
  }
}

TEST(CoreRest, TellsOfTheTimeBetweenTwoReadings) {
  CoreRest rest;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(sched_getcpu()), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_FALSE(rest.read(CoreRest::span_ns)) << "there is nothing to compare with";
  EXPECT_FALSE(rest.read(CoreRest::span_ns + 1)) << "too soon";
  EXPECT_FALSE(rest.read(9 * CoreRest::span_ns)) << "too long ago";
  // Ticks of the kernel pass while this spins; time is this test's own.
  for (uint64_t i = 10; i < 20'000; ++i) {
    const auto told = rest.read(i * CoreRest::span_ns);
    if (!told) continue;
    EXPECT_LE(*told, 1000u);
    return;
  }
  GTEST_SKIP() << "no tick passed, or /proc/stat is not to be read";
}

}  // namespace
}  // namespace holdfast::server
