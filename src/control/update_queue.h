// SPDX-License-Identifier: GPL-3.0-or-later
// Dynamic updates on their way to the thread that manages zones: those that wait while others are
// made are made together, as one new version of each zone.
//
// Bound: updates_waiting_max; beyond it an update fails at once. Thread: `push` that of transfers;
// the work is done by tasks of the managing thread.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "control/task_queue.h"
#include "control/zone_set.h"

namespace holdfast::control {

class UpdateQueue {
 public:
  // Each with records of up to 64 KiB.
  static constexpr size_t updates_waiting_max = 1000;

  // Called by the managing thread with the RCODE.
  using Done = std::function<void(uint16_t rcode)>;
  UpdateQueue(ZoneSet& zones, TaskQueue& tasks) : zones_(zones), tasks_(tasks) {}

  // False if too many wait.
  [[nodiscard]] bool push(transfer::Update update, Done done);

 private:
  struct Waiting {
    transfer::Update update;
    Done done;
  };
  void apply_all();

  ZoneSet& zones_;
  TaskQueue& tasks_;
  std::mutex mutex_;
  std::vector<Waiting> waiting_;
};

}  // namespace holdfast::control
