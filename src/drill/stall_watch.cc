// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/stall_watch.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <string>

#include "base/clock.h"
#include "drill/load_threads.h"

namespace holdfast::drill {
namespace {

constexpr uint64_t ns_per_s = 1'000'000'000;

void sleep_until(uint64_t at_ns) {
  const timespec at{static_cast<time_t>(at_ns / ns_per_s), static_cast<long>(at_ns % ns_per_s)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) continue;
}

}  // namespace

Result<std::vector<Stall>> watch_for_stalls(unsigned cpu, const std::atomic<bool>& stop) {
  TRY(take_place(LoadThread::watch, cpu));
  if (sched_getscheduler(0) != SCHED_FIFO) {
    return fail("no real-time priority to watch processor " + std::to_string(cpu) + " with");
  }
  const SystemClock clock;
  std::vector<Stall> stalls;
  uint64_t woke_ns = clock.monotonic_ns();
  while (!stop.load(std::memory_order_relaxed)) {
    const uint64_t slept_ns = woke_ns;
    const uint64_t due_ns = slept_ns + watch_period_ns;
    sleep_until(due_ns);
    woke_ns = clock.monotonic_ns();
    if (is_stall(due_ns, woke_ns) && stalls.size() < stalls_max) {
      stalls.push_back({slept_ns, woke_ns});
    }
  }
  return stalls;
}

std::vector<Stall> join_stalls(std::vector<Stall> stalls) {
  std::ranges::sort(stalls, {}, &Stall::begin_ns);
  std::vector<Stall> joined;
  for (const Stall& stall : stalls) {
    if (!joined.empty() && stall.begin_ns <= joined.back().end_ns) {
      joined.back().end_ns = std::max(joined.back().end_ns, stall.end_ns);
    } else {
      joined.push_back(stall);
    }
  }
  return joined;
}

uint64_t stalled_within(const std::vector<Stall>& stalls, uint64_t begin_ns, uint64_t end_ns) {
  uint64_t sum_ns = 0;
  for (const Stall& stall : stalls) {
    const uint64_t from_ns = std::max(stall.begin_ns, begin_ns);
    const uint64_t until_ns = std::min(stall.end_ns, end_ns);
    if (from_ns < until_ns) sum_ns += until_ns - from_ns;
  }
  return sum_ns;
}

bool is_near_stall(const std::vector<Stall>& stalls, uint64_t sent_ns) {
  // The first that had not ended when what it left behind could still be in the way.
  const auto near = std::ranges::partition_point(
      stalls, [&](const Stall& stall) { return stall.end_ns + before_ns < sent_ns; });
  return near != stalls.end() && near->begin_ns <= sent_ns + after_ns;
}

}  // namespace holdfast::drill
