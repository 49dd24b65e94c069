// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/finding_list.h"

#include <algorithm>

namespace holdfast::zone {

void FindingList::add(Severity severity, const std::string& file, uint64_t line,
                      std::string message) {
  std::vector<Finding>& findings = report_.findings;
  if (severity == Severity::error) ++error_count_;
  if (findings.size() >= findings_max_) {
    ++report_.findings_suppressed;
    if (severity == Severity::warning) return;
    const auto warning = std::ranges::find(findings.rbegin(), findings.rend(), Severity::warning,
                                           &Finding::severity);
    if (warning == findings.rend()) return;
    findings.erase(std::next(warning).base());
  }
  findings.push_back({severity, file, line, std::move(message)});
}

std::string Finding::to_text() const {
  std::string text = file;
  if (line > 0) text += ":" + std::to_string(line);
  return text.empty() ? message : text + ": " + message;
}

bool LoadReport::has_errors() const {
  return std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.severity == Severity::error; });
}

}  // namespace holdfast::zone
