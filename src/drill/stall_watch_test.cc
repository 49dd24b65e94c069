// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/stall_watch.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace holdfast::drill {
namespace {

constexpr uint64_t us = 1000;
constexpr uint64_t ms = 1000 * us;

TEST(StallWatch, JoinsWhatTouches) {
  const auto joined = join_stalls({{50 * ms, 52 * ms},
                                   {10 * ms, 14 * ms},
                                   {12 * ms, 13 * ms},
                                   {14 * ms, 15 * ms},
                                   {16 * ms, 17 * ms}});
  ASSERT_EQ(joined.size(), 3U);
  EXPECT_EQ(joined[0].begin_ns, 10 * ms);
  EXPECT_EQ(joined[0].end_ns, 15 * ms);
  EXPECT_EQ(joined[1].begin_ns, 16 * ms);
  EXPECT_EQ(joined[2].end_ns, 52 * ms);
  EXPECT_TRUE(join_stalls({}).empty());
}

TEST(StallWatch, IsNearFromBeforeItsBeginUntilAfterItsEnd) {
  const std::vector<Stall> stalls{{10 * ms, 12 * ms}, {100 * ms, 104 * ms}};
  EXPECT_FALSE(is_near_stall(stalls, 10 * ms - after_ns - 1));
  EXPECT_TRUE(is_near_stall(stalls, 10 * ms - after_ns));
  EXPECT_TRUE(is_near_stall(stalls, 11 * ms));
  EXPECT_TRUE(is_near_stall(stalls, 12 * ms + before_ns));
  EXPECT_FALSE(is_near_stall(stalls, 12 * ms + before_ns + 1));
  EXPECT_FALSE(is_near_stall(stalls, 50 * ms));
  EXPECT_TRUE(is_near_stall(stalls, 102 * ms));
  EXPECT_FALSE(is_near_stall(stalls, 200 * ms));
  EXPECT_FALSE(is_near_stall({}, 5 * ms));
}

TEST(StallWatch, SumsUpWhatLiesWithin) {
  const std::vector<Stall> stalls{{10 * ms, 12 * ms}, {100 * ms, 104 * ms}};
  EXPECT_EQ(stalled_within(stalls, 0, 200 * ms), 6 * ms);
  EXPECT_EQ(stalled_within(stalls, 11 * ms, 101 * ms), 2 * ms);
  EXPECT_EQ(stalled_within(stalls, 12 * ms, 100 * ms), 0U);
}

TEST(StallWatch, IsLateOnlyFromItsBoundOn) {
  EXPECT_FALSE(is_stall(10 * ms, 10 * ms));
  EXPECT_FALSE(is_stall(10 * ms, 10 * ms + stall_ns_min - 1));
  EXPECT_TRUE(is_stall(10 * ms, 10 * ms + stall_ns_min));
}

// A thread that goes before the watch holds the processor for some milliseconds, as a host would.
TEST(StallWatch, FindsWhenItsProcessorIsAway) {
  std::atomic<bool> stop = false;
  Result<std::vector<Stall>> found;
  std::jthread watching([&] { found = watch_for_stalls(0, stop); });
  std::vector<uint64_t> held_ns;  // when it began to hold it
  bool is_first = false;
  std::jthread host([&] {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    const sched_param first{sched_get_priority_max(SCHED_FIFO)};
    is_first = sched_setaffinity(0, sizeof set, &set) == 0 &&
               sched_setscheduler(0, SCHED_FIFO, &first) == 0;
    const SystemClock clock;
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      held_ns.push_back(clock.monotonic_ns());
      while (clock.monotonic_ns() < held_ns.back() + 5 * ms) continue;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stop = true;
  });
  watching.join();
  host.join();
  if (!is_first) GTEST_SKIP() << "needs the right to real-time priority";
  ASSERT_TRUE(found.has_value());
  const auto is_found = [&](uint64_t begin_ns) {
    return std::ranges::any_of(*found, [&](const Stall& stall) {
      return stall.begin_ns <= begin_ns && stall.end_ns >= begin_ns + 4 * ms;
    });
  };
  // The watch may take its time to begin. From then on it misses none.
  const auto first = std::ranges::find_if(held_ns, is_found);
  EXPECT_NE(first, held_ns.end());
  EXPECT_TRUE(std::all_of(first, held_ns.end(), is_found));
}

}  // namespace
}  // namespace holdfast::drill
