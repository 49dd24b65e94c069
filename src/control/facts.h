// SPDX-License-Identifier: GPL-3.0-or-later
// What the thread that manages zones tells those that report: status, metrics, readiness.
//
// A copy of plain values behind a lock; the zones themselves are in ZoneTable.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "config/config.h"
#include "control/last_good.h"
#include "zone/memory.h"

namespace holdfast::control {

struct ReloadFacts {
  bool running = false;
  uint64_t succeeded = 0;
  uint64_t failed = 0;
  uint64_t last_success_unix_s = 0;
  uint64_t last_failure_unix_s = 0;
  std::string last_error;  // of the last reload; empty if it succeeded
};

struct Facts {
  std::shared_ptr<const config::Config> applied;  // never null once control runs
  bool zones_complete = false;
  double first_load_s = 0;
  ReloadFacts reload;
  zone::MemoryUse memory;
  JournalFacts journal;
};

class FactBoard {
 public:
  [[nodiscard]] Facts read() const {
    const std::lock_guard lock(mutex_);
    return facts_;
  }
  template <typename Change>
  void update(Change&& change) {
    const std::lock_guard lock(mutex_);
    change(facts_);
  }

 private:
  mutable std::mutex mutex_;
  Facts facts_;
};

}  // namespace holdfast::control
