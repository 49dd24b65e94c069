// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/time_slice.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace holdfast {

namespace {

// struct sched_attr of sched_setattr(2), whose kernel header cannot stand beside <sched.h>.
struct SchedulingAttributes {
  uint32_t size = 48;
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

}  // namespace

bool set_time_slice(uint64_t slice_ns, Waking waking, int nice) {
  constexpr pid_t calling_thread = 0;
  return set_time_slice_of(calling_thread, slice_ns, waking, nice);
}

bool set_time_slice_of(pid_t thread, uint64_t slice_ns, Waking waking, int nice) {
  SchedulingAttributes attributes;
  attributes.policy = waking == Waking::waits ? SCHED_BATCH : SCHED_OTHER;
  attributes.nice = nice;
  attributes.runtime_ns = slice_ns;
  return ::syscall(SYS_sched_setattr, thread, &attributes, 0) == 0;
}

// Linux counts them by thread.
int current_nice() { return ::getpriority(PRIO_PROCESS, 0); }

}  // namespace holdfast
