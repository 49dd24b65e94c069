// SPDX-License-Identifier: GPL-3.0-or-later
// What the running server is asked about: status and zones as JSON, metrics as Prometheus' text,
// readiness.
//
// Reads shared counters and copies of facts; changes nothing. Thread: the io_context's.
#pragma once

#include <string>

#include "base/clock.h"
#include "control/dnstap.h"
#include "control/facts.h"
#include "control/http_server.h"
#include "control/transfers.h"
#include "control/zone_table.h"
#include "exchange/panel.h"
#include "shield/shield_memory.h"

namespace holdfast::control {

struct ReportSources {
  const exchange::Panel& panel;
  const shield::ShieldMemory& shield;
  const Clock& clock;
  const ZoneTable& zones;
  const FactBoard& facts;
  const Dnstap& dnstap;
  Transfers& transfers;
  std::string config_file;
  uint64_t control_started_unix_s = 0;
};

// One JSON object a line, without a newline (docs/control-socket.md).
[[nodiscard]] std::string status_json(const ReportSources& sources);
// `secondary` is what there is to say of a zone that comes from other servers.
[[nodiscard]] std::string zone_json(const std::string& zone, const ZoneRecord& record,
                                    const std::optional<transfer::SecondaryStatus>& secondary);

// True once all zones were tried and a worker answers; otherwise `reason` says what is missing.
[[nodiscard]] bool is_ready(const ReportSources& sources, std::string& reason);
// What /metrics shows (docs/metrics.md). `http_refused` counts connections beyond the bound.
[[nodiscard]] std::string metrics_text(const ReportSources& sources, uint64_t http_refused);

}  // namespace holdfast::control
