// SPDX-License-Identifier: GPL-3.0-or-later
// Back to an earlier version of a zone.
#include "control/zone_difference.h"
#include "control/zone_set.h"
#include "log/log.h"
#include "transfer/apply_differences.h"

namespace holdfast::control {

namespace {

using transfer::Difference;

// The way back, last difference first.
std::vector<Difference> reversed(std::vector<Difference> differences) {
  std::vector<Difference> back;
  for (auto forth = differences.rbegin(); forth != differences.rend(); ++forth) {
    back.push_back({.from = forth->to,
                    .to = forth->from,
                    .removed = std::move(forth->added),
                    .added = std::move(forth->removed)});
  }
  return back;
}

}  // namespace

Result<std::string> ZoneSet::roll_back(const std::string& zone, uint32_t serial) {
  const auto before = table_.find(zone);
  if (!before) return fail("zone " + zone + " is not configured");
  if (before->file.empty()) {
    return fail("zone " + zone +
                " comes from its primaries, so that is where it can be rolled back");
  }
  const wire::Name apex = TRY(wire::Name::from_text(zone));
  const auto view = memory_.find(apex);
  if (!view || !view->available()) return fail("zone " + zone + " has no version that is served");
  const auto soa = view->apex_node().find(wire::type_soa);
  if (soa && soa->signature_count > 0 && !before->policy) {
    return fail("zone " + zone +
                " is signed where it comes from; with another serial its signatures "
                "would be wrong");
  }
  auto back = reversed(history().chain(apex, serial, view->serial()));
  if (back.empty()) {
    return fail("how zone " + zone + " was at serial " + std::to_string(serial) +
                " is not known; holdfast zone history lists what is");
  }
  zone::Draft draft = draft_of(*view, *before);
  const bool is_signed_here = before->policy != nullptr;
  TRY(transfer::apply_differences(draft, back, [&](const transfer::ZoneRecord& record) {
    return is_signed_here && !dnssec::is_from_source(record.owner == apex.view(), record.type);
  }));
  // What is served must have a serial that others take for newer.
  set_serial(draft, view->serial() + 1);
  const zone::Publication publication = TRY(
      publish_draft(zone, draft, "rollback to serial " + std::to_string(serial), Kept::afterwards));
  std::string sentence = describe_update(zone, *before, *table_.find(zone), publication) +
                         ", as it was at serial " + std::to_string(serial);
  if (!before->takes_updates()) sentence += "; it stays so until its file changes";
  log::info(log::Category::zones, "zone-rolled-back", sentence);
  return sentence;
}

}  // namespace holdfast::control
