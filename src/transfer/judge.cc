// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/judge.h"

#include "zone/checks.h"

namespace holdfast::transfer {

namespace {

constexpr size_t findings_max = 20;

}  // namespace

Result<void> judge(zone::Contents& contents, uint64_t now_s) {
  zone::LoadReport report;
  zone::FindingList findings(report, findings_max);
  const std::vector<std::string> files{"the transfer"};
  zone::Verdicts verdicts(findings, false, files);
  zone::ZoneCheck check(contents.apex(), now_s, verdicts);
  TRY(contents.finish([&](const zone::StagedNode& node) { check.visit(node); }));
  check.conclude(contents);
  if (findings.error_count() == 0) return {};
  for (const zone::Finding& finding : report.findings) {
    if (finding.severity != zone::Severity::error) continue;
    const size_t others = findings.error_count() - 1;
    return fail(finding.message +
                (others == 0 ? "" : " (and " + std::to_string(others) + " more)"));
  }
  return fail("errors that were not listed");
}

}  // namespace holdfast::transfer
