// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/time_slice.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace holdfast {
namespace {

TEST(TimeSlice, IsOfTheThreadAndThoseItStarts) {
  bool is_set = false;
  int own = -1;
  int started = -1;
  int nice = -1;
  std::thread([&] {
    is_set = set_time_slice(10'000'000, Waking::waits, current_nice() + 1);
    own = sched_getscheduler(0);
    nice = current_nice();
    std::thread([&] { started = sched_getscheduler(0); }).join();
  }).join();
  EXPECT_TRUE(is_set);
  EXPECT_EQ(own, SCHED_BATCH);
  EXPECT_EQ(started, SCHED_BATCH);
  EXPECT_EQ(nice, current_nice() + 1);
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
}

TEST(TimeSlice, MayBeShortForOneWhoWaitsForNobody) {
  std::thread([] {
    EXPECT_TRUE(set_time_slice(500'000, Waking::takes, current_nice()));
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
  }).join();
}

}  // namespace
}  // namespace holdfast
