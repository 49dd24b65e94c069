// SPDX-License-Identifier: GPL-3.0-or-later
// Back to an earlier version of a zone.
#include <ctime>

#include "base/check.h"
#include "control/zone_set.h"
#include "log/log.h"
#include "transfer/apply_differences.h"
#include "transfer/serial.h"

namespace holdfast::control {

namespace {

using transfer::Difference;
using transfer::ZoneRecord;

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

// From the SOA that the last of `back` adds to the same with another serial: what is served must
// have a serial that others take for newer.
Difference renumber(const Difference& back, uint32_t serial) {
  Difference step{.from = back.to, .to = serial, .removed = {}, .added = {}};
  back.added.for_each([&](const ZoneRecord& record) {
    if (record.type != wire::type_soa) return;
    step.removed.add(record);
    constexpr size_t numbers_bytes = 20;
    std::vector<uint8_t> rdata(record.rdata.begin(), record.rdata.end());
    store_be32(rdata.data() + rdata.size() - numbers_bytes, serial);
    step.added.add({record.owner, record.type, record.ttl, rdata});
  });
  return step;
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
  if (soa && soa->signature_count > 0) {
    return fail("zone " + zone +
                " is signed where it comes from; with another serial its signatures "
                "would be wrong");
  }
  auto back = reversed(history().chain(apex, serial, view->serial()));
  if (back.empty()) {
    return fail("how zone " + zone + " was at serial " + std::to_string(serial) +
                " is not known; holdfast zone history lists what is");
  }
  back.push_back(renumber(back.back(), view->serial() + 1));
  zone::Contents contents = TRY(transfer::apply_differences(*view, back));
  TRY(contents.finish());
  const zone::Publication publication =
      TRY(last_good_.publish(contents, "rollback to serial " + std::to_string(serial)));
  control::ZoneRecord record = *before;
  set_served_version(record, *memory_.find(apex));
  record.loaded_unix_s = static_cast<uint64_t>(::time(nullptr));
  std::string sentence = describe_update(zone, *before, record, publication) +
                         ", as it was at serial " + std::to_string(serial) +
                         "; it stays so until its file changes";
  log::info(log::Category::zones, "zone-rolled-back", sentence);
  register_source(zone, record);
  table_.put(zone, std::move(record));
  return sentence;
}

}  // namespace holdfast::control
