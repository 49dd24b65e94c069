// SPDX-License-Identifier: GPL-3.0-or-later
// What the thread that manages zones tells those that report: status, metrics, readiness.
//
// A copy of plain values behind a lock; the zones themselves are in ZoneTable.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

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

// Of a catalog that is followed.
struct CatalogFacts {
  static constexpr uint64_t told_max = 20;  // members passed over that the log names, each time

  std::string name;
  uint32_t serial = 0;  // that is in force
  uint64_t members = 0;
  uint64_t passed_over = 0;  // zones that it names and that do not come by it
  uint64_t broken = 0;       // versions that were refused
  std::string error;         // why what is there is not in force; empty: it is
};

struct Facts {
  std::shared_ptr<const config::Config> applied;  // never null once control runs
  bool zones_complete = false;
  double first_load_s = 0;
  ReloadFacts reload;
  zone::MemoryUse memory;
  uint64_t memory_growths_postponed = 0;
  JournalFacts journal;
  size_t zones_awaiting_secondaries = 0;
  std::vector<CatalogFacts> catalogs;
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
