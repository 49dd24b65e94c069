// SPDX-License-Identifier: GPL-3.0-or-later
// The thread that owns zone memory: first load, reloads, and what is due each second.
#pragma once

#include <atomic>
#include <functional>

#include "control/catalogs.h"
#include "control/growth_keeper.h"
#include "control/liveness.h"
#include "control/reload_queue.h"
#include "control/write_out_keeper.h"

namespace holdfast::control {

class Management {
 public:
  struct Parts {
    zone::Memory& memory;
    ZoneSet& zones;
    ZoneTable& table;
    Settings& settings;
    SupervisorLink& supervisor;
    FactBoard& facts;
    Reloader& reloader;
    ReloadQueue& requests;
    TaskQueue& tasks;
    Transfers& transfers;
    Catalogs& catalogs;
    std::shared_ptr<const transfer::TlsCredentials> tls;  // of the start
    Liveness& liveness;
    const Clock& clock;
    const std::atomic<bool>& stop;
    std::function<void()> each_second;  // what others have due
    std::function<void()> watch;        // what cannot wait so long: ten times a second
    std::function<void()> on_loaded;    // once, when all zones are in zone memory
  };
  explicit Management(Parts parts)
      : parts_(std::move(parts)),
        growth_(parts_.memory, parts_.clock),
        write_out_(parts_.memory, parts_.clock) {}

  // Loads all zones, then serves requests until `stop`.
  void run(Start start);

 private:
  void first_load(Start start);
  void wait_and_serve();
  void serve_requests();
  void tick_if_due();

  Parts parts_;
  GrowthKeeper growth_;
  WriteOutKeeper write_out_;
  uint64_t tick_next_ns_ = 0;
  bool has_steps_ = false;  // of growth_ or write_out_: the next one is due at once
  bool ran_tasks_ = false;  // since the last tick
  bool is_untidy_ = false;  // tasks have left memory behind that nobody needs
};

}  // namespace holdfast::control
