// SPDX-License-Identifier: GPL-3.0-or-later
// Work for the thread that manages zones, from other threads of control.
//
// Bound: the pushers'; transfers push at most one task a zone. Thread: `push` any, `run` the
// manager's.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

#include "base/file.h"

namespace holdfast::control {

class TaskQueue {
 public:
  TaskQueue();
  // Readable when something waits.
  [[nodiscard]] int fd() const { return event_.get(); }
  void push(std::function<void()> task);
  // Runs what waits, in order. How many there were.
  size_t run();

 private:
  std::mutex mutex_;
  std::vector<std::function<void()>> waiting_;
  UniqueFd event_;
};

}  // namespace holdfast::control
