// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/apply_differences.h"

#include <algorithm>

#include "wire/types.h"
#include "zone/rdata_order.h"

namespace holdfast::transfer {

namespace {

std::string text_of(const ZoneRecord& record) {
  return "a " + wire::type_to_text(record.type) + " record of " + record.owner.to_text();
}

auto find(zone::DraftRecords& records, const ZoneRecord& record) {
  return std::find_if(records.begin(), records.end(), [&](const zone::DraftRecord& candidate) {
    return candidate.type == record.type &&
           is_same_rdata(record.type, candidate.rdata, record.rdata);
  });
}

Result<void> check_owner(const zone::Draft& draft, const ZoneRecord& record) {
  if (record.owner.is_at_or_below(draft.apex())) return {};
  return fail("a difference holds " + text_of(record) + ", which is not in the zone");
}

Result<void> remove(zone::Draft& draft, const ZoneRecord& record) {
  TRY(check_owner(draft, record));
  zone::DraftRecords& records = draft.change(record.owner);
  const auto found = find(records, record);
  if (found == records.end()) {
    return fail("a difference removes " + text_of(record) + ", which is not there");
  }
  records.erase(found);
  return {};
}

Result<void> add(zone::Draft& draft, const ZoneRecord& record) {
  TRY(check_owner(draft, record));
  zone::DraftRecords& records = draft.change(record.owner);
  if (find(records, record) != records.end()) {
    return fail("a difference adds " + text_of(record) + ", which is there already");
  }
  records.push_back({record.type, record.ttl, {record.rdata.begin(), record.rdata.end()}});
  return {};
}

}  // namespace

bool is_same_rdata(uint16_t type, Bytes a, Bytes b) { return zone::compare_rdata(type, a, b) == 0; }

Result<void> apply_differences(zone::Draft& draft, std::span<const Difference> differences,
                               const PassesOver& passes_over) {
  Result<void> result;
  for (const Difference& difference : differences) {
    difference.removed.for_each([&](const ZoneRecord& record) {
      if (result && !(passes_over && passes_over(record))) result = remove(draft, record);
    });
    difference.added.for_each([&](const ZoneRecord& record) {
      if (result && !(passes_over && passes_over(record))) result = add(draft, record);
    });
    if (!result) return result;
  }
  return {};
}

}  // namespace holdfast::transfer
