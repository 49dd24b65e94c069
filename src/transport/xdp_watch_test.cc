// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/xdp_watch.h"

#include <gtest/gtest.h>

namespace holdfast::transport {
namespace {

using Verdict = XdpWatch::Verdict;
constexpr uint64_t second = 1'000'000'000;
constexpr XdpBacklog idle{.waiting = 0, .taken = 5, .free_frames = 100};

TEST(XdpWatchTest, IdleQueuesStayOpen) {
  XdpWatch watch;
  for (uint64_t at = 1; at < 20; ++at)
    EXPECT_EQ(watch.look(idle, at * second), Verdict::nothing_new);
}

TEST(XdpWatchTest, ABusyQueueThatMovesStaysOpen) {
  XdpWatch watch;
  for (uint32_t at = 1; at < 20; ++at) {
    EXPECT_EQ(watch.look({.waiting = 2048, .taken = at, .free_frames = 0}, at * second),
              Verdict::nothing_new);
  }
}

TEST(XdpWatchTest, WhatNobodyTakesClosesItOnce) {
  XdpWatch watch;
  watch.look(idle, second);
  const XdpBacklog stuck{.waiting = 1, .taken = 5, .free_frames = 99};
  EXPECT_EQ(watch.look(stuck, second + 1), Verdict::nothing_new);
  EXPECT_EQ(watch.look(stuck, 3 * second - 1), Verdict::nothing_new);
  EXPECT_EQ(watch.look(stuck, 3 * second), Verdict::close);
  EXPECT_EQ(watch.look(stuck, 9 * second), Verdict::nothing_new);
  const XdpBacklog moving{.waiting = 1, .taken = 6, .free_frames = 99};
  EXPECT_EQ(watch.look(moving, 10 * second), Verdict::nothing_new) << "something still waits";
  EXPECT_EQ(watch.look({.waiting = 0, .taken = 7, .free_frames = 99}, 11 * second), Verdict::open);
}

TEST(XdpWatchTest, NoFreeFrameIsBeingStuckToo) {
  XdpWatch watch;
  watch.look(idle, second);
  const XdpBacklog empty{.waiting = 0, .taken = 5, .free_frames = 0};
  EXPECT_EQ(watch.look(empty, 3 * second), Verdict::close);
  EXPECT_EQ(watch.look(idle, 4 * second), Verdict::open);
}

}  // namespace
}  // namespace holdfast::transport
