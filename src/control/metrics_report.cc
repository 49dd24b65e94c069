// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/version.h"
#include "control/metrics_text.h"
#include "control/reports.h"
#include "control/shield_zones.h"
#include "control/tcp_report.h"
#include "control/tls_report.h"
#include "control/xdp_report.h"

namespace holdfast::control {

namespace {

using Type = MetricsText::Type;

// A label a zone is for servers with few of them; a scrape of a million zones would help nobody.
constexpr size_t labelled_zones_max = 100;
constexpr uint64_t ns_per_ms = 1'000'000;

uint32_t worker_count(const exchange::Panel& panel) {
  return std::min<uint32_t>(panel.worker_count.load(std::memory_order_relaxed),
                            exchange::workers_max);
}

uint64_t sum_over_workers(const exchange::Panel& panel, size_t at) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < worker_count(panel); ++i) sum += panel.workers[i].counters.get(at);
  return sum;
}

void add_histogram(MetricsText& text, const exchange::Panel& panel,
                   const exchange::Metric& metric) {
  constexpr std::string_view prefix = "le=\"";
  std::vector<double> bounds;
  std::vector<uint64_t> counts;
  for (size_t i = 0; i < metric.count; ++i) {
    counts.push_back(sum_over_workers(panel, metric.first + i));
    const std::string label = metric.labels(i);
    if (i + 1 < metric.count) bounds.push_back(std::stod(label.substr(prefix.size())));
  }
  text.add_histogram(metric.fixed_labels, bounds, counts,
                     static_cast<double>(sum_over_workers(panel, metric.sum_at)));
}

// All that the answer processes count, added up.
void add_counters(MetricsText& text, const exchange::Panel& panel) {
  std::string_view family;
  for (const exchange::Metric& metric : exchange::metrics()) {
    const bool is_counter = metric.kind == exchange::MetricKind::counter;
    if (metric.name != family) {
      const Type type = is_counter                                       ? Type::counter
                        : metric.kind == exchange::MetricKind::histogram ? Type::histogram
                                                                         : Type::gauge;
      text.begin_family(std::string(metric.name) + (is_counter ? "_total" : ""), type, metric.help);
      family = metric.name;
    }
    if (metric.kind == exchange::MetricKind::histogram) {
      add_histogram(text, panel, metric);
      continue;
    }
    for (size_t i = 0; i < metric.count; ++i) {
      text.add_sample(
          metric.labels == nullptr ? std::string(metric.fixed_labels) : metric.labels(i),
          sum_over_workers(panel, metric.first + i));
    }
  }
}

void add_gauge(MetricsText& text, std::string_view name, std::string_view help, uint64_t value) {
  text.begin_family(name, Type::gauge, help);
  text.add_sample("", value);
}

void add_counter(MetricsText& text, std::string_view name, std::string_view help, uint64_t value) {
  text.begin_family(name, Type::counter, help);
  text.add_sample("", value);
}

void add_workers(MetricsText& text, const exchange::Panel& panel) {
  uint64_t wanted = 0;
  uint64_t answering = 0;
  text.begin_family("holdfast_worker_restarts_total", Type::counter,
                    "Times that an answer process was started again.");
  for (uint32_t i = 0; i < worker_count(panel); ++i) {
    const exchange::WorkerSlot& slot = panel.workers[i];
    text.add_sample(MetricsText::label("worker", std::to_string(i)),
                    uint64_t{slot.restarts.load()});
    const exchange::WorkerState state = slot.state.load();
    if (state != exchange::WorkerState::unused) ++wanted;
    if (state == exchange::WorkerState::answering) ++answering;
  }
  add_gauge(text, "holdfast_workers", "Answer processes that are to run.", wanted);
  add_gauge(text, "holdfast_workers_answering", "Answer processes that answer.", answering);
  add_counter(text, "holdfast_control_restarts_total",
              "Times that the management process was started again.",
              panel.control_restarts.load());
  add_counter(text, "holdfast_control_hangs_total",
              "Times that the management process was ended because it gave no sign of life.",
              panel.control_hangs_total.load());
  add_counter(text, "holdfast_deaths_total", "Messages that killed an answer process.",
              panel.deaths_by_message.load());
  add_gauge(text, "holdfast_refused_likenesses",
            "Kinds of message refused now because they killed answer processes.",
            panel.refusals_active.load());
}

void add_zones(MetricsText& text, const ReportSources& sources, const Facts& facts) {
  const auto counts = sources.zones.counts();
  text.begin_family("holdfast_zones", Type::gauge, "Configured zones by state.");
  for (size_t i = 0; i < zone_states; ++i) {
    text.add_sample(MetricsText::label("state", zone_state_name(static_cast<ZoneState>(i))),
                    counts[i]);
  }
  add_gauge(text, "holdfast_zones_complete", "1 once every zone has been tried since the start.",
            facts.zones_complete ? 1 : 0);
  add_gauge(text, "holdfast_zones_awaiting_secondaries",
            "Zones whose keys wait for what their secondaries serve.",
            facts.zones_awaiting_secondaries);
  text.begin_family("holdfast_first_load_seconds", Type::gauge,
                    "How long it took to try every zone at the start.");
  text.add_sample("", facts.first_load_s);
  text.begin_family("holdfast_zone_memory_bytes", Type::gauge, "Zone memory by use.");
  text.add_sample(MetricsText::label("use", "live"), facts.memory.live_bytes);
  text.add_sample(MetricsText::label("use", "free"), facts.memory.free_bytes);
  text.add_sample(MetricsText::label("use", "retired"), facts.memory.retired_bytes);
  add_gauge(text, "holdfast_zone_memory_file_bytes", "Size of the file of zone memory.",
            facts.memory.file_bytes);
  text.begin_family("holdfast_zone_memory_growths_total", Type::counter,
                    "Larger tables that were prepared before a change needed them, and failures.");
  text.add_sample(MetricsText::label("result", "done"), facts.memory.tables_grown_ahead);
  text.add_sample(MetricsText::label("result", "postponed"), facts.memory_growths_postponed);
  text.add_sample(MetricsText::label("result", "failed"), facts.memory.tables_too_small);
  add_gauge(text, "holdfast_journal_bytes", "Size of the journal of last good versions.",
            facts.journal.bytes);
  add_counter(text, "holdfast_journal_errors_total", "Failures to write the journal.",
              facts.journal.errors);
  add_gauge(text, "holdfast_names", "Names in all zones.", facts.memory.nodes);
  add_gauge(text, "holdfast_records", "Records in all zones.", facts.memory.records);
}

void add_each_zone(MetricsText& text, const ZoneTable& zones) {
  if (zones.size() > labelled_zones_max) return;
  const auto add_family = [&](std::string_view name, std::string_view help, auto value_of) {
    text.begin_family(name, Type::gauge, help);
    zones.visit_after("", labelled_zones_max,
                      [&](const std::string& zone, const ZoneRecord& record) {
                        text.add_sample(MetricsText::label("zone", zone), value_of(record));
                      });
  };
  add_family("holdfast_zone_serial", "Serial served; only on servers with at most 100 zones.",
             [](const ZoneRecord& record) { return uint64_t{record.serial}; });
  add_family("holdfast_zone_loaded_timestamp_seconds",
             "When the version served was published; only with at most 100 zones.",
             [](const ZoneRecord& record) { return record.loaded_unix_s; });
  add_family("holdfast_zone_failing_since_timestamp_seconds",
             "When the zone's file was first found bad, 0 if it is good; only with at most 100.",
             [](const ZoneRecord& record) { return record.failing_since_unix_s; });
}

void add_reloads(MetricsText& text, const ReloadFacts& reload) {
  text.begin_family("holdfast_reloads_total", Type::counter, "Reloads by result.");
  text.add_sample(MetricsText::label("result", "applied"), reload.succeeded);
  text.add_sample(MetricsText::label("result", "refused"), reload.failed);
  text.begin_family("holdfast_reload_last_timestamp_seconds", Type::gauge,
                    "When the last reload with this result ended; 0: never.");
  text.add_sample(MetricsText::label("result", "applied"), reload.last_success_unix_s);
  text.add_sample(MetricsText::label("result", "refused"), reload.last_failure_unix_s);
}

// Of all catalogs together: which of them it is, `holdfast status` tells.
void add_catalogs(MetricsText& text, const Facts& facts) {
  CatalogFacts all;
  for (const CatalogFacts& catalog : facts.catalogs) {
    all.members += catalog.members;
    all.passed_over += catalog.passed_over;
    all.broken += catalog.broken;
  }
  add_gauge(text, "holdfast_catalogs", "Catalogs of others that are followed.",
            facts.catalogs.size());
  add_gauge(text, "holdfast_catalog_members", "Zones that come by a catalog.", all.members);
  add_gauge(text, "holdfast_catalog_passed_over",
            "Zones that a catalog names and that do not come by it.", all.passed_over);
  add_counter(text, "holdfast_catalog_broken_total", "Versions of catalogs that were refused.",
              all.broken);
}

void add_transfers(MetricsText& text, const TransferFacts& facts) {
  text.begin_family("holdfast_transfers_out_total", Type::counter,
                    "Transfers to others by what became of them.");
  text.add_sample(MetricsText::label("result", "completed"), facts.out_completed);
  text.add_sample(MetricsText::label("result", "failed"), facts.out_failed);
  text.add_sample(MetricsText::label("result", "refused"), facts.out_refused);
  add_counter(text, "holdfast_transfer_sent_bytes_total",
              "Bytes sent on connections with transfers.", facts.out_bytes);
  text.begin_family("holdfast_transfer_connections_closed_total", Type::counter,
                    "Connections for transfers that we closed.");
  text.add_sample(MetricsText::label("reason", "idle"), facts.out_idle);
  text.add_sample(MetricsText::label("reason", "slow"), facts.out_slow);
  text.begin_family("holdfast_transfer_tls_handshakes_total", Type::counter,
                    "Handshakes of clients by what became of them.");
  text.add_sample(MetricsText::label("result", "completed"), facts.tls_begun);
  text.add_sample(MetricsText::label("result", "failed"), facts.tls_failed);
  add_tls_metrics(text, facts);
  text.begin_family("holdfast_tls_certificate_expiry_timestamp_seconds", Type::gauge,
                    "When our certificate for transfers over TLS ends; 0: there is none.");
  text.add_sample("", facts.tls_certificate_expires_unix_s);
  add_counter(text, "holdfast_notify_sent_total", "NOTIFY messages sent, repeats included.",
              facts.notify_sent);
  text.begin_family("holdfast_notify_total", Type::counter,
                    "Notices of changed zones by what became of them.");
  text.add_sample(MetricsText::label("result", "acknowledged"), facts.notify_acknowledged);
  text.add_sample(MetricsText::label("result", "refused"), facts.notify_refused);
  text.add_sample(MetricsText::label("result", "unanswered"), facts.notify_unanswered);
  text.begin_family("holdfast_updates_total", Type::counter,
                    "Dynamic updates by what became of them.");
  text.add_sample(MetricsText::label("result", "done"), facts.updates_done);
  text.add_sample(MetricsText::label("result", "declined"), facts.updates_declined);
  text.add_sample(MetricsText::label("result", "refused"), facts.updates_refused);
  text.add_sample(MetricsText::label("result", "failed"), facts.updates_failed);
  text.add_sample(MetricsText::label("result", "forwarded"), facts.updates_forwarded);
}

// The usual names of Prometheus' client libraries, for this process; the answer processes' own are
// seen from outside by their pids.
void add_process(MetricsText& text, const ReportSources& sources) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  text.begin_family("process_cpu_seconds_total", Type::counter,
                    "Processor time of the management process.");
  text.add_sample("", seconds(usage.ru_utime) + seconds(usage.ru_stime));
  uint64_t pages_total = 0;
  uint64_t pages_resident = 0;
  std::ifstream("/proc/self/statm") >> pages_total >> pages_resident;
  add_gauge(text, "process_resident_memory_bytes",
            "Memory of the management process, zone memory included.",
            pages_resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)));
  std::error_code error;
  const std::filesystem::directory_iterator descriptors("/proc/self/fd", error);
  add_gauge(text, "process_open_fds", "Open descriptors of the management process.",
            error ? 0 : static_cast<uint64_t>(std::distance(begin(descriptors), end(descriptors))));
  add_gauge(text, "process_start_time_seconds", "When the server was started.",
            sources.panel.started_unix_s.load());
}

}  // namespace

std::string metrics_text(const ReportSources& sources, uint64_t http_refused) {
  const Facts facts = sources.facts.read();
  MetricsText text;
  text.begin_family("holdfast_build_info", Type::gauge, "The version; always 1.");
  text.add_sample(MetricsText::label("version", program_version()), uint64_t{1});
  add_counters(text, sources.panel);
  add_workers(text, sources.panel);
  add_xdp_metrics(text, sources.panel);
  add_tcp_metrics(text);
  add_shield_zone_metrics(text, sources.shield, sources.clock.monotonic_ns() / ns_per_ms);
  add_zones(text, sources, facts);
  add_each_zone(text, sources.zones);
  add_reloads(text, facts.reload);
  add_gauge(text, "holdfast_dnstap_connected", "1 while a dnstap collector is connected.",
            sources.dnstap.is_connected() ? 1 : 0);
  text.begin_family("holdfast_dnstap_frames_total", Type::counter,
                    "dnstap frames by what became of them.");
  text.add_sample(MetricsText::label("result", "written"), sources.dnstap.frames_written());
  text.add_sample(MetricsText::label("result", "dropped"), sources.dnstap.frames_dropped());
  add_counter(text, "holdfast_metrics_connections_refused_total",
              "Connections to this endpoint beyond its bound.", http_refused);
  add_transfers(text, sources.transfers.facts());
  add_catalogs(text, sources.facts.read());
  add_process(text, sources);
  return text.take();
}

}  // namespace holdfast::control
