// SPDX-License-Identifier: GPL-3.0-or-later
// From a settled draft to what zone memory takes.
#include "base/check.h"
#include "zone/checks.h"
#include "zone/draft.h"

namespace holdfast::zone {

namespace {

constexpr size_t findings_max = 20;
// RFC 9276 §3.2, as for zone files (zone/denial_check.cc).
constexpr uint16_t iterations_max = 50;

bool is_same_name(const StagedNode& staged, const DraftNode& node) {
  const bool is_nsec3 = (staged.flags & node_nsec3) != 0;
  return is_nsec3 == node.has(node_nsec3) && staged.owner == node.owner.view();
}

void check_iterations(const StagedNode& node, Verdicts& verdicts) {
  constexpr size_t head_bytes = 5;
  for (const StagedRrset& rrset : node.rrsets) {
    if (rrset.type != wire::type_nsec3param && rrset.type != wire::type_nsec3) continue;
    for (const Bytes rdata : rrset.rdata) {
      if (rdata.size() < head_bytes || load_be16(rdata.data() + 2) <= iterations_max) continue;
      verdicts.add(Verdicts::Kind::error, rrset.place, node.owner, rrset.type,
                   std::to_string(load_be16(rdata.data() + 2)) + " iterations; at most " +
                       std::to_string(iterations_max) + " are served (RFC 9276 §3.2)");
    }
  }
}

}  // namespace

Result<StagedChange> stage_change(Contents contents, std::vector<DraftNode> draft) {
  TRY(contents.finish());
  StagedChange change{std::move(contents), std::move(draft), {}};
  Contents::Cursor cursor(change.contents);
  for (const DraftNode& node : change.draft) {
    StagedNode& staged = change.nodes.emplace_back();
    if (!node.records.empty()) {
      // Both are in one order; between them stand what the contents imply.
      const StagedNode* found = cursor.next();
      while (found != nullptr && !is_same_name(*found, node)) found = cursor.next();
      CHECK(found != nullptr);
      staged = *found;
    }
    staged.owner = node.owner;
    staged.flags = node.flags;
  }
  return change;
}

Result<StagedChange> stage_draft(Draft& draft) {
  std::vector<DraftNode> nodes = TRY(draft.settle());
  Contents contents(draft.apex());
  for (const DraftNode& node : nodes) {
    for (const StagedRecord& record : node.records) {
      contents.add(node.owner, record.type, record.ttl, record.rdata);
    }
  }
  return stage_change(std::move(contents), std::move(nodes));
}

Result<void> judge_change(const StagedChange& change) {
  LoadReport report;
  FindingList findings(report, findings_max);
  const std::vector<std::string> files{"the change"};
  Verdicts verdicts(findings, false, files);
  for (const StagedNode& node : change.nodes) {
    if ((node.flags & node_removed) != 0) continue;
    check_iterations(node, verdicts);
    if ((node.flags & node_nsec3) == 0) check_name(node, verdicts);
  }
  if (findings.error_count() == 0) return {};
  for (const Finding& finding : report.findings) {
    if (finding.severity != Severity::error) continue;
    const size_t others = findings.error_count() - 1;
    return fail(finding.message +
                (others == 0 ? "" : " (and " + std::to_string(others) + " more)"));
  }
  return fail("errors that were not listed");
}

}  // namespace holdfast::zone
