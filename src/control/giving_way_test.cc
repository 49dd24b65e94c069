// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/giving_way.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/shared_memory.h"

namespace holdfast::control {
namespace {

constexpr uint64_t ns_per_ms = 1'000'000;

// One processor, on which answers use `answer_permille` and the thread all that it works.
class Machine {
 public:
  // Works for as much of `span_ms` as it may, a millisecond at a time; what it worked.
  uint64_t work_ms(uint64_t span_ms, uint64_t answer_permille) {
    const uint64_t before_ns = worked_ns_;
    const uint64_t end_ns = now_ns_ + span_ms * ns_per_ms;
    while (now_ns_ < end_ns) {
      worked_ns_ += ns_per_ms;
      pass(ns_per_ms, answer_permille);
      pass(pace_.rest_ns(now_ns_, worked_ns_), answer_permille);
    }
    return (worked_ns_ - before_ns) / ns_per_ms;
  }
  void pass(uint64_t span_ns, uint64_t answer_permille) {
    now_ns_ += span_ns;
    answered_ns_ += span_ns * answer_permille / 1000;
  }
  // Of a process that began anew.
  void forget_answers() { answered_ns_ = 0; }

 private:
  uint64_t now_ns_ = 1'000 * ns_per_ms;
  uint64_t worked_ns_ = 0;
  uint64_t answered_ns_ = 0;
  WorkPace pace_{[this] { return answered_ns_; }, 1};
};

TEST(WorkPace, WorksWithoutARestWhileAnswersHaveTimeToSpare) {
  Machine machine;
  EXPECT_EQ(machine.work_ms(1'000, 300), 1'000U);
}

TEST(WorkPace, HasATenthWhileTheyHaveMuchToDo) {
  Machine machine;
  machine.work_ms(200, 900);  // until it is known
  const uint64_t worked_ms = machine.work_ms(2'000, 900);
  EXPECT_GE(worked_ms, 180U);
  EXPECT_LE(worked_ms, 230U);
}

TEST(WorkPace, GoesOnWhenTheyHaveRestAgain) {
  Machine machine;
  machine.work_ms(500, 900);
  EXPECT_GE(machine.work_ms(1'000, 0), 700U);
}

TEST(WorkPace, WhatWasLongAgoSaysNothing) {
  Machine machine;
  machine.work_ms(100, 0);
  machine.pass(3'000 * ns_per_ms, 900);
  EXPECT_EQ(machine.work_ms(90, 0), 90U);
}

TEST(WorkPace, AProcessThatBeganAnewIsNoReason) {
  Machine machine;
  machine.work_ms(500, 300);
  machine.forget_answers();
  EXPECT_EQ(machine.work_ms(500, 300), 500U);
}

TEST(GivingWay, CountsTheTimeOfTheProcessesThatAreThere) {
  const auto panel = SharedObject<exchange::Panel>::create("panel").value();
  EXPECT_EQ(answer_time_ns(*panel), 0U);
  panel->worker_count = 2;
  panel->workers[0].pid = getpid();
  panel->workers[1].pid = -1;
  const uint64_t before_ns = answer_time_ns(*panel);
  EXPECT_GT(before_ns, 0U);
  const uint64_t begun_ns = thread_time_ns();
  while (thread_time_ns() - begun_ns < ns_per_ms) continue;
  EXPECT_GE(answer_time_ns(*panel), before_ns + ns_per_ms / 2);
}

}  // namespace
}  // namespace holdfast::control
