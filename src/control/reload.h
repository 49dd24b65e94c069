// SPDX-License-Identifier: GPL-3.0-or-later
// Reloads: reads and judges everything first, then applies all of it, or nothing.
//
// Owner: the thread that manages zones; one reload at a time. What happened goes to the reply, the
// log and the facts.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "control/catalogs.h"
#include "control/facts.h"
#include "control/http_server.h"
#include "control/settings.h"
#include "control/supervisor_link.h"
#include "control/transfers.h"
#include "control/zone_set.h"

namespace holdfast::control {

struct ReloadReply {
  std::string error;                  // empty: it was applied
  std::vector<std::string> findings;  // "file:line: …", why it was not
  std::vector<std::string> changes;   // sentences
  std::vector<std::string> warnings;
};

// What else a reload of one zone ends with, if it is applied.
enum class AfterReload : uint8_t { nothing, thaw };

class Reloader {
 public:
  struct Parts {
    std::string config_file;
    ZoneSet& zones;
    const ZoneTable& table;
    Settings& settings;
    SupervisorLink& supervisor;
    HttpServer& http;
    Transfers& transfers;
    Catalogs& catalogs;
    FactBoard& facts;
    const std::atomic<bool>& stop;
  };
  explicit Reloader(Parts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] ReloadReply reload_all();
  // `zone` in any form of a name. Only this zone's file is read.
  [[nodiscard]] ReloadReply reload_zone(const std::string& zone,
                                        AfterReload after = AfterReload::nothing);

 private:
  ReloadReply judge_and_apply();
  ReloadReply judge_and_apply_zone(const std::string& zone, AfterReload after);
  Result<void> apply(const config::Config& fresh, std::span<const config::ZoneSource> zones,
                     const std::shared_ptr<const transfer::TlsCredentials>& tls, ReloadPlan& plan,
                     ReloadReply& reply);
  // Runs `work` between the notices that a reload has begun and ended.
  template <typename Work>
  ReloadReply run(Work&& work);

  Parts parts_;
};

// "serving 7990 of 8000 zones, 10 failed": for the service manager's status line.
[[nodiscard]] std::string status_line(const ZoneTable& table);

}  // namespace holdfast::control
