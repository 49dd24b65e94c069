// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/reload_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast::control {

ReloadQueue::ReloadQueue() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(event_.valid());
}

void ReloadQueue::push(ReloadRequest request) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(request));
  const uint64_t one = 1;
  // It can fail only at 2^64 - 1 unread wake-ups.
  CHECK(::write(event_.get(), &one, sizeof one) == sizeof one);
}

std::vector<ReloadRequest> ReloadQueue::take() {
  const std::lock_guard lock(mutex_);
  uint64_t wakes = 0;
  static_cast<void>(::read(event_.get(), &wakes, sizeof wakes) != 0);  // none: nothing was pushed
  return std::exchange(waiting_, {});
}

}  // namespace holdfast::control
