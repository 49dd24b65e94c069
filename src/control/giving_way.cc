// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/giving_way.h"

#include <time.h>

#include <algorithm>

#include "base/time_slice.h"

namespace holdfast::control {

namespace {

constexpr uint64_t ns_per_s = 1'000'000'000;
// nice(2). Any higher, and a machine that others keep busy would hardly transfer at all.
constexpr int background_nice = 4;
// Longer than that of the answer processes, which are therefore let in when they wake; short enough
// that a notice waits no longer behind others that are busy.
constexpr uint64_t slice_ns = 10'000'000;

uint64_t to_ns(const timespec& time) {
  return static_cast<uint64_t>(time.tv_sec) * ns_per_s + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

void give_way() { set_time_slice(slice_ns, Waking::waits, current_nice()); }

void give_way_to_all() {
  set_time_slice(slice_ns, Waking::waits, std::max(current_nice(), background_nice));
}

uint64_t answer_time_ns(const exchange::Panel& panel) {
  uint64_t sum = 0;
  const size_t count = std::min<size_t>(panel.worker_count.load(), panel.workers.size());
  for (size_t worker = 0; worker < count; ++worker) {
    const pid_t pid = panel.workers[worker].pid.load();
    clockid_t clock = 0;
    timespec time{};
    if (pid <= 0 || ::clock_getcpuclockid(pid, &clock) != 0) continue;
    if (::clock_gettime(clock, &time) == 0) sum += to_ns(time);
  }
  return sum;
}

uint64_t thread_time_ns() {
  timespec time{};
  return ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 ? to_ns(time) : 0;
}

WorkPace::WorkPace(std::function<uint64_t()> answer_time, size_t processors)
    : answer_time_(std::move(answer_time)), processors_(std::max<size_t>(processors, 1)) {}

uint64_t WorkPace::rest_ns(uint64_t now_ns, uint64_t worked_ns) {
  if (now_ns - looked_ns_ >= look_ns) look(now_ns);
  const uint64_t work_ns = worked_ns - rested_at_ns_;
  if (is_busy_ && work_ns < stretch_ns) return 0;
  rested_at_ns_ = worked_ns;
  return is_busy_ ? std::min(work_ns * rests_per_work, rest_ns_max) : 0;
}

void WorkPace::look(uint64_t now_ns) {
  const uint64_t answered_ns = answer_time_();
  const uint64_t span_ns = now_ns - looked_ns_;
  // What was long ago says nothing of now; and a new process begins to count from nothing.
  const bool is_known = span_ns < 3 * look_ns && answered_ns >= answered_ns_;
  const uint64_t used_permille =
      (answered_ns - answered_ns_) * 1000 / std::max<uint64_t>(span_ns * processors_, 1);
  is_busy_ = is_known && used_permille >= busy_permille;
  looked_ns_ = now_ns;
  answered_ns_ = answered_ns;
}

}  // namespace holdfast::control
