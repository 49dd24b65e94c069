// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/zone_file_commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <thread>

#include "base/clock.h"
#include "dnssec/zone_verifier.h"
#include "wire/rdata_text.h"
#include "wire/types.h"
#include "zone/loader.h"

namespace holdfast {

namespace {

// All that a person would mend in one sitting.
constexpr size_t findings_shown_max = 1000;

std::optional<wire::Name> zone_name(const Invocation& invocation) {
  Result<wire::Name> name = wire::Name::from_text(invocation.zone_name);
  if (name) return *name;
  fmt::print(stderr, "holdfast: {}\n", name.error().message);
  return std::nullopt;
}

zone::LoadOutcome load(const Invocation& invocation, wire::NameView apex) {
  zone::LoadOptions options;
  options.strict = invocation.strictness == Strictness::strict;
  options.findings_max = findings_shown_max;
  return zone::load_zone_file(invocation.zone_file, apex, options);
}

// What resolvers would refuse becomes an error of the file.
void validate(const Invocation& invocation, zone::LoadOutcome& outcome) {
  const dnssec::VerifyOptions options{.now_s = SystemClock().wall_s(),
                                      .threads = std::max(std::thread::hardware_concurrency(), 1U),
                                      .faults_max = findings_shown_max};
  const dnssec::Verification verification = dnssec::verify_zone(*outcome.contents, options);
  for (const std::string& fault : verification.faults) {
    outcome.report.findings.push_back({zone::Severity::error, invocation.zone_file, 0, fault});
  }
  outcome.report.findings_suppressed += verification.faults_suppressed;
}

void print_findings(std::FILE* stream, const zone::LoadReport& report) {
  for (zone::Finding finding : report.findings) {
    if (finding.severity == zone::Severity::warning) finding.message.insert(0, "warning: ");
    fmt::print(stream, "{}\n", finding.to_text());
  }
  if (report.findings_suppressed > 0) {
    fmt::print(stream, "and {} more\n", report.findings_suppressed);
  }
}

std::string to_json(const Invocation& invocation, const zone::LoadOutcome& outcome) {
  boost::json::array findings;
  for (const zone::Finding& finding : outcome.report.findings) {
    const bool error = finding.severity == zone::Severity::error;
    findings.push_back({{"severity", error ? "error" : "warning"},
                        {"file", finding.file},
                        {"line", finding.line},
                        {"message", finding.message}});
  }
  return boost::json::serialize(
      boost::json::object{{"zone", invocation.zone_name},
                          {"file", invocation.zone_file},
                          {"ok", outcome.contents.has_value()},
                          {"records", outcome.contents ? outcome.contents->record_count() : 0},
                          {"names", outcome.contents ? outcome.contents->node_count() : 0},
                          {"findings", std::move(findings)},
                          {"findings_suppressed", outcome.report.findings_suppressed}});
}

void print_rrset(const zone::StagedNode& node, const zone::StagedRrset& rrset,
                 RecordPrinter& printer) {
  for (const Bytes rdata : rrset.rdata) {
    printer.print(wire::record_to_text(node.owner, rrset.type, rrset.ttl, rdata));
  }
  for (const Bytes rdata : rrset.signatures) {
    printer.print(wire::record_to_text(node.owner, wire::type_rrsig, rrset.signature_ttl, rdata));
  }
}

// The SOA first, where readers of zone files expect it.
void print_node(const zone::StagedNode& node, RecordPrinter& printer) {
  const auto is_soa = [](const zone::StagedRrset& rrset) { return rrset.type == wire::type_soa; };
  for (const zone::StagedRrset& rrset : node.rrsets) {
    if (is_soa(rrset)) print_rrset(node, rrset, printer);
  }
  for (const zone::StagedRrset& rrset : node.rrsets) {
    if (!is_soa(rrset)) print_rrset(node, rrset, printer);
  }
}

}  // namespace

ExitCode check_zone_file(const Invocation& invocation) {
  const std::optional<wire::Name> apex = zone_name(invocation);
  if (!apex) return ExitCode::wrong_use;
  zone::LoadOutcome outcome = load(invocation, *apex);
  if (invocation.validation == Validation::yes && outcome.contents) {
    validate(invocation, outcome);
    if (outcome.report.has_errors()) outcome.contents.reset();
  }
  if (invocation.format == OutputFormat::json) {
    fmt::print("{}\n", to_json(invocation, outcome));
  } else {
    print_findings(stdout, outcome.report);
    if (outcome.contents && isatty(STDOUT_FILENO) == 1) {
      fmt::print("{}: good, {} records of {} names\n", invocation.zone_name,
                 outcome.contents->record_count(), outcome.contents->node_count());
    }
  }
  return outcome.contents ? ExitCode::good : ExitCode::failed;
}

ExitCode print_zone_file(const Invocation& invocation, RecordPrinter& printer) {
  const std::optional<wire::Name> apex = zone_name(invocation);
  if (!apex) return ExitCode::wrong_use;
  const zone::LoadOutcome outcome = load(invocation, *apex);
  print_findings(stderr, outcome.report);
  if (!outcome.contents) return ExitCode::failed;
  zone::Contents::Cursor cursor(*outcome.contents);
  while (const zone::StagedNode* node = cursor.next()) print_node(*node, printer);
  printer.finish();
  return ExitCode::good;
}

}  // namespace holdfast
