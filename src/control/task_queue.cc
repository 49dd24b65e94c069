// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/task_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "base/check.h"

namespace holdfast::control {

TaskQueue::TaskQueue() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(event_.valid()); }

void TaskQueue::push(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(task));
  const uint64_t one = 1;
  // It can fail only at 2^64 - 1 unread wake-ups.
  CHECK(::write(event_.get(), &one, sizeof one) == sizeof one);
}

size_t TaskQueue::run() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    uint64_t wakes = 0;
    static_cast<void>(::read(event_.get(), &wakes, sizeof wakes) != 0);  // none: nothing waits
    tasks = std::exchange(waiting_, {});
  }
  for (const auto& task : tasks) task();
  return tasks.size();
}

}  // namespace holdfast::control
