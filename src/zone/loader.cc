// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/loader.h"

#include "base/clock.h"
#include "zone/checks.h"
#include "zone/finding_list.h"
#include "zone/parallel_reader.h"
#include "zone/record_scanner.h"
#include "zone/text_reader.h"

namespace holdfast::zone {

namespace {

// One a thread: it is large, and small zones are many.
RecordScanner& thread_scanner() {
  thread_local RecordScanner scanner;
  return scanner;
}

template <typename Read>
LoadOutcome load(const std::string& source, wire::NameView apex, const LoadOptions& options,
                 Read&& read) {
  LoadOutcome outcome;
  FindingList findings(outcome.report, options.findings_max);
  Contents contents(apex);
  TextReader reader(thread_scanner(), contents, findings, options, outcome.report.files);
  read(reader, contents, outcome.report);
  if (findings.error_count() > 0) return outcome;
  Verdicts verdicts(findings, options.strict, outcome.report.files);
  const uint64_t now_s = options.now_s ? *options.now_s : SystemClock().wall_s();
  ZoneCheck check(apex, now_s, verdicts);
  const auto finished = contents.finish([&](const StagedNode& node) { check.visit(node); });
  if (!finished) {
    findings.add(Severity::error, source, 0, finished.error().message);
    return outcome;
  }
  check.conclude(contents);
  if (findings.error_count() == 0) outcome.contents = std::move(contents);
  return outcome;
}

}  // namespace

LoadOutcome load_zone_file(const std::string& path, wire::NameView apex,
                           const LoadOptions& options) {
  return load(path, apex, options, [&](TextReader& reader, Contents& contents, LoadReport& report) {
    auto in_parts = read_in_parts(path, apex, options);
    if (!in_parts) return reader.read_file(path);
    contents = *std::move(in_parts);
    report.files.push_back(path);
  });
}

LoadOutcome load_zone_text(std::string_view text, const std::string& source, wire::NameView apex,
                           const LoadOptions& options) {
  return load(source, apex, options,
              [&](TextReader& reader, Contents&, LoadReport&) { reader.read_text(text, source); });
}

}  // namespace holdfast::zone
