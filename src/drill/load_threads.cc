// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/load_threads.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace holdfast::drill {
namespace {

// Of SCHED_FIFO; the laboratory's own receiving thread has 1.
constexpr int sampler_priority = 1;
constexpr int resolvers_priority = 2;
constexpr int watch_priority = 50;
constexpr int nice_first = -20;
constexpr unsigned long timer_slack_ns = 1;

void go_first(int priority) {
  const sched_param parameters{priority};
  if (sched_setscheduler(0, SCHED_FIFO, &parameters) == 0) return;
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), nice_first);
  prctl(PR_SET_TIMERSLACK, timer_slack_ns);
}

}  // namespace

Result<void> take_place(LoadThread thread, unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) {
    return fail_system("cannot pin a thread to processor " + std::to_string(cpu), errno);
  }
  switch (thread) {
    case LoadThread::generator:
      // Not real-time: it never sleeps, and would be stopped for a twentieth of each second.
      setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), nice_first);
      break;
    case LoadThread::sampler:
      go_first(sampler_priority);
      break;
    case LoadThread::resolvers:
      go_first(resolvers_priority);
      break;
    case LoadThread::watch:
      go_first(watch_priority);
      break;
  }
  return {};
}

}  // namespace holdfast::drill
