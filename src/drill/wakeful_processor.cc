// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/wakeful_processor.h"

#include <sched.h>
#include <unistd.h>

#include "drill/processor_time.h"

namespace holdfast::drill {
namespace {

// Pinned and below everybody; otherwise not at all, since it would be in the way.
bool stay_below(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  const sched_param parameters{0};
  return sched_setaffinity(0, sizeof set, &set) == 0 &&
         sched_setscheduler(0, SCHED_IDLE, &parameters) == 0;
}

// Leaves what the two threads of a core share to the other one.
void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

WakefulProcessor::WakefulProcessor(unsigned cpu)
    : thread_([this, cpu] {
        if (!stay_below(cpu)) return;
        thread_id_ = gettid();
        while (!over_.load(std::memory_order_relaxed)) relax();
      }) {}

WakefulProcessor::~WakefulProcessor() {
  over_ = true;
  thread_.join();
}

uint64_t WakefulProcessor::idle_ns() const {
  const pid_t thread = thread_id_;
  return thread == 0 ? 0 : thread_time_ns(thread).value_or(0);
}

}  // namespace holdfast::drill
