// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/zone_plan.h"

#include <sched.h>

#include <unordered_set>

#include "base/hash.h"
#include "control/source_register.h"

namespace holdfast::control {

namespace {

constexpr size_t table_page = 1000;  // zones visited under one hold of the table's lock

void add_text(std::vector<std::string>& texts, size_t& suppressed, std::string text) {
  if (texts.size() < ReloadPlan::texts_listed_max) {
    texts.push_back(std::move(text));
  } else {
    ++suppressed;
  }
}

void add_outcome(ReloadPlan& plan, const config::ZoneSource& source, ParseResult parsed) {
  const zone::LoadReport& report = parsed.outcome.report;
  for (const zone::Finding& finding : report.findings) {
    if (finding.severity == zone::Severity::error) {
      add_text(plan.findings, plan.findings_suppressed, finding.to_text());
    } else {
      add_text(plan.warnings, plan.warnings_suppressed, finding.to_text());
    }
  }
  if (parsed.outcome.contents && !report.has_errors()) {
    plan.updates.push_back({.source = source, .parsed = std::move(parsed)});
  } else if (!report.has_errors()) {
    add_text(plan.findings, plan.findings_suppressed, source.file + ": could not be read");
  }
  plan.findings_suppressed += report.findings_suppressed;
}

bool is_same(const config::TransferSetting* a, const config::TransferSetting* b) {
  return a == nullptr || b == nullptr ? a == b : *a == *b;
}

unsigned usable_cores() {
  cpu_set_t cores;
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return static_cast<unsigned>(CPU_COUNT(&cores));
}

}  // namespace

ParseSettings parse_settings(const zone::LoadOptions& options) {
  const uint64_t salt =
      hash_mix(uint64_t{options.default_ttl} << 1 | (options.strict ? 1U : 0U), 0x9e3779b97f4a7c15);
  return {.load = options, .fingerprint_salt = salt, .threads = usable_cores()};
}

bool is_unchanged(const ZoneRecord& record, const config::ZoneSource& source, uint64_t salt) {
  return record.fingerprint != 0 && record.file == source.file &&
         fingerprint_files(record.file, record.includes, salt, UINT64_MAX) == record.fingerprint;
}

ReloadPlan plan_reload(const ZoneTable& table, std::span<const config::ZoneSource> wanted,
                       const ParseSettings& settings, const SaltOf& salt_of,
                       const std::atomic<bool>& stop, const std::function<void()>& alive) {
  ReloadPlan plan;
  std::vector<ParseJob> jobs;
  std::unordered_set<std::string_view> names;
  names.reserve(wanted.size());
  for (const config::ZoneSource& source : wanted) {
    alive();
    names.insert(source.name);
    const auto record = table.find(source.name);
    if (record && !is_same(record->transfer.get(), source.transfer.get())) {
      plan.transfers[source.name] = source.transfer;
    }
    if (source.is_secondary()) {
      const bool is_known = record && record->file.empty() && record->catalog == source.catalog &&
                            (record->policy == nullptr) == (source.policy == nullptr);
      if (!is_known) plan.secondaries.push_back(source);
      if (is_known && source.policy) plan.updated.push_back(source);
      continue;
    }
    const uint64_t salt = salt_of(source);
    if (source.takes_updates() && record && record->generation != 0) {
      plan.updated.push_back(source);
      continue;
    }
    if (record && is_unchanged(*record, source, settings.fingerprint_salt ^ salt)) {
      if (record->state == ZoneState::serving) continue;
      for (const std::string& text : record->findings) {
        add_text(plan.findings, plan.findings_suppressed, text);
      }
      continue;
    }
    jobs.push_back({&source, salt});
  }
  const auto remove_unlisted = [&](const std::string& zone, const ZoneRecord&) {
    if (!names.contains(zone)) plan.removals.push_back(zone);
  };
  std::string last = table.visit_after("", table_page, remove_unlisted);
  while (!last.empty()) last = table.visit_after(last, table_page, remove_unlisted);
  parse_zones(jobs, settings, stop, [&](ParseResult parsed) {
    alive();
    const config::ZoneSource& source = *jobs[parsed.job].source;
    add_outcome(plan, source, std::move(parsed));
  });
  if (stop) plan.findings.emplace_back("the server is being stopped");
  return plan;
}

ReloadPlan plan_reload_of(const config::ZoneSource& source, const ParseSettings& settings,
                          const SaltOf& salt_of) {
  ReloadPlan plan;
  const std::atomic<bool> no_stop{false};
  const ParseJob job{&source, salt_of(source)};
  parse_zones({&job, 1}, settings, no_stop,
              [&](ParseResult parsed) { add_outcome(plan, source, std::move(parsed)); });
  return plan;
}

void add_finding(ReloadPlan& plan, std::string text) {
  add_text(plan.findings, plan.findings_suppressed, std::move(text));
}

std::vector<std::string> finding_texts(const zone::LoadReport& report) {
  std::vector<std::string> texts;
  texts.reserve(report.findings.size() + 1);
  for (const bool errors : {true, false}) {
    for (const zone::Finding& finding : report.findings) {
      if ((finding.severity == zone::Severity::error) == errors) texts.push_back(finding.to_text());
    }
  }
  if (report.findings_suppressed != 0) {
    texts.push_back(std::to_string(report.findings_suppressed) + " more");
  }
  return texts;
}

std::string describe_update(const std::string& zone, const ZoneRecord& before,
                            const ZoneRecord& after, const zone::Publication& publication) {
  const std::string serial = std::to_string(after.serial);
  if (before.generation == 0) {
    return "zone " + zone + ": added with serial " + serial + " and " +
           std::to_string(after.records) + " records";
  }
  return "zone " + zone + ": serial " + std::to_string(before.serial) + " to " + serial + ", " +
         std::to_string(publication.nodes_written) + " names written, " +
         std::to_string(publication.nodes_removed) + " removed";
}

}  // namespace holdfast::control
