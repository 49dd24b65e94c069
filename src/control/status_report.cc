// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <algorithm>

#include <boost/json.hpp>

#include "base/version.h"
#include "config/roll_warnings.h"
#include "control/reports.h"
#include "control/xdp_report.h"

namespace holdfast::control {

namespace {

namespace json = boost::json;

std::string_view state_name(exchange::WorkerState state) {
  switch (state) {
    case exchange::WorkerState::unused:
      return "unused";
    case exchange::WorkerState::starting:
      return "starting";
    case exchange::WorkerState::answering:
      return "answering";
    case exchange::WorkerState::draining:
      return "draining";
    case exchange::WorkerState::stopped:
      return "stopped";
  }
  return "unknown";
}

uint32_t worker_count(const exchange::Panel& panel) {
  return std::min<uint32_t>(panel.worker_count.load(std::memory_order_relaxed),
                            exchange::workers_max);
}

json::array workers_array(const exchange::Panel& panel) {
  json::array workers;
  for (uint32_t i = 0; i < worker_count(panel); ++i) {
    const exchange::WorkerSlot& slot = panel.workers[i];
    if (slot.state.load() == exchange::WorkerState::unused) continue;
    workers.push_back(json::object{{"worker", i},
                                   {"pid", slot.pid.load()},
                                   {"state", state_name(slot.state.load())},
                                   {"restarts", slot.restarts.load()},
                                   {"started_unix_s", slot.started_unix_s.load()},
                                   {"answers_total", slot.counters.responses_total()}});
  }
  return workers;
}

json::object zones_object(const ZoneTable& table) {
  const auto counts = table.counts();
  json::object zones{{"configured", table.size()}};
  for (size_t i = 0; i < zone_states; ++i) {
    zones[zone_state_name(static_cast<ZoneState>(i))] = counts[i];
  }
  return zones;
}

json::object deaths_object(const exchange::Panel& panel) {
  uint64_t refused = 0;
  constexpr size_t at =
      exchange::CounterLayout::drops + static_cast<size_t>(exchange::Drop::query_of_death);
  for (uint32_t i = 0; i < worker_count(panel); ++i) {
    refused += panel.workers[i].counters.get(at);
  }
  return {{"recorded", panel.deaths_by_message.load()},
          {"refusing", panel.refusals_active.load()},
          {"refused_total", refused}};
}

json::array to_array(const std::vector<Endpoint>& endpoints) {
  json::array texts;
  for (const Endpoint& endpoint : endpoints) texts.emplace_back(endpoint.to_text());
  return texts;
}

json::array catalogs_array(const Facts& facts) {
  json::array catalogs;
  for (const CatalogFacts& catalog : facts.catalogs) {
    catalogs.push_back(json::object{{"catalog", catalog.name},
                                    {"serial", catalog.serial},
                                    {"members", catalog.members},
                                    {"passed_over", catalog.passed_over},
                                    {"broken", catalog.broken},
                                    {"error", catalog.error}});
  }
  return catalogs;
}

json::object secondary_object(const transfer::SecondaryStatus& status) {
  json::array primaries;
  for (const std::string& primary : status.primaries) primaries.emplace_back(primary);
  return {{"primaries", primaries},
          {"last_primary", status.last_primary},
          {"primary_serial", status.primary_serial ? json::value(*status.primary_serial) : nullptr},
          {"refreshed_unix_s", status.refreshed_unix_s},
          {"next_refresh_unix_s", status.next_refresh_unix_s},
          {"expires_unix_s", status.expires_unix_s},
          {"expired", status.is_expired},
          {"asking", status.is_asking},
          {"transfers", status.transfers},
          {"last_error", status.last_error}};
}

}  // namespace

std::string status_json(const ReportSources& sources) {
  const Facts facts = sources.facts.read();
  const exchange::Panel& panel = sources.panel;
  const config::Config& config = *facts.applied;
  std::string reason;
  const bool ready = is_ready(sources, reason);
  const json::object status{
      {"ok", true},
      {"version", program_version()},
      {"config_file", sources.config_file},
      {"state_directory", config.server.state},
      {"listen", to_array(config.server.listen)},
      {"metrics_listen", config.metrics.listen ? config.metrics.listen->to_url_text() : ""},
      {"started_unix_s", panel.started_unix_s.load()},
      {"ready", ready},
      {"not_ready_reason", reason},
      {"control", json::object{{"pid", ::getpid()},
                               {"started_unix_s", sources.control_started_unix_s},
                               {"restarts", panel.control_restarts.load()}}},
      {"workers", workers_array(panel)},
      {"zones", zones_object(sources.zones)},
      {"catalogs", catalogs_array(facts)},
      {"memory", json::object{{"file_bytes", facts.memory.file_bytes},
                              {"live_bytes", facts.memory.live_bytes},
                              {"free_bytes", facts.memory.free_bytes},
                              {"retired_bytes", facts.memory.retired_bytes},
                              {"names", facts.memory.nodes},
                              {"records", facts.memory.records}}},
      {"journal", json::object{{"bytes", facts.journal.bytes},
                               {"errors_total", facts.journal.errors},
                               {"last_error", facts.journal.last_error}}},
      {"reload", json::object{{"running", facts.reload.running},
                              {"succeeded", facts.reload.succeeded},
                              {"failed", facts.reload.failed},
                              {"last_success_unix_s", facts.reload.last_success_unix_s},
                              {"last_failure_unix_s", facts.reload.last_failure_unix_s},
                              {"last_error", facts.reload.last_error}}},
      {"dnstap", json::object{{"connected", sources.dnstap.is_connected()},
                              {"frames_written", sources.dnstap.frames_written()},
                              {"frames_dropped", sources.dnstap.frames_dropped()}}},
      {"deaths", deaths_object(panel)},
      {"xdp", xdp_object(panel)},
  };
  return json::serialize(status);
}

std::string zone_json(const std::string& zone, const ZoneRecord& record,
                      const std::optional<transfer::SecondaryStatus>& secondary) {
  json::array findings;
  for (const std::string& finding : record.findings) findings.emplace_back(finding);
  if (record.policy && record.transfer) {
    const std::string warning = config::roll_warning(*record.policy, *record.transfer);
    if (!warning.empty()) findings.emplace_back("warning: " + warning);
  }
  json::object object{
      {"zone", zone},
      {"file", record.file},
      {"catalog", record.catalog ? *record.catalog : ""},
      {"state", zone_state_name(record.state)},
      {"serial", record.serial},
      {"generation", record.generation},
      {"records", record.records},
      {"names", record.names},
      {"loaded_unix_s", record.loaded_unix_s},
      {"policy", record.policy ? record.policy->name : ""},
      {"refresh_unix_s", record.refresh_unix_s},
      {"failing_since_unix_s", record.failing_since_unix_s},
      {"findings", findings},
  };
  if (secondary) object["secondary"] = secondary_object(*secondary);
  return json::serialize(object);
}

bool is_ready(const ReportSources& sources, std::string& reason) {
  const Facts facts = sources.facts.read();
  bool is_answering = false;
  for (uint32_t i = 0; i < worker_count(sources.panel); ++i) {
    is_answering =
        is_answering || sources.panel.workers[i].state.load() == exchange::WorkerState::answering;
  }
  if (!facts.zones_complete) {
    reason = "zones are being loaded";
  } else if (!is_answering) {
    reason = "no worker answers";
  }
  return facts.zones_complete && is_answering;
}

}  // namespace holdfast::control
