// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/update_message.h"

#include "wire/message.h"
#include "wire/rdata.h"

namespace holdfast::transfer {

namespace {

using wire::MessageReader;

UpdateRecord to_record(const wire::MessageRecord& record) {
  return {.owner = record.owner,
          .type = record.type,
          .record_class = record.record_class,
          .ttl = record.ttl,
          .rdata = {record.rdata.begin(), record.rdata.end()}};
}

// SIG(0), OPT and their like are no data either.
bool is_data_type(uint16_t type) { return !wire::is_meta_type(type) && type != 0; }

// §3.2.4 and §2.4: an empty value for what only asks whether something is there.
bool is_prerequisite(const UpdateRecord& record) {
  if (record.ttl != 0) return false;
  if (record.record_class == wire::class_in) {
    return is_data_type(record.type) && wire::rdata_is_well_formed(record.type, record.rdata);
  }
  if (record.record_class != wire::class_any && record.record_class != wire::class_none) {
    return false;
  }
  return record.rdata.empty() && (record.type == wire::type_any || is_data_type(record.type));
}

// §3.4.1.3
bool is_update(const UpdateRecord& record) {
  switch (record.record_class) {
    case wire::class_in:
      return is_data_type(record.type) && wire::rdata_is_well_formed(record.type, record.rdata);
    case wire::class_any:
      return record.ttl == 0 && record.rdata.empty() &&
             (record.type == wire::type_any || is_data_type(record.type));
    case wire::class_none:
      return record.ttl == 0 && is_data_type(record.type) &&
             wire::rdata_is_well_formed(record.type, record.rdata);
    default:
      return false;
  }
}

}  // namespace

std::expected<UpdateMessage, uint16_t> read_update(Bytes message) {
  const std::unexpected<uint16_t> malformed(wire::rcode_formerr);
  std::vector<uint8_t> scratch(wire::rdata_bytes_max);
  MessageReader reader(message, scratch);
  wire::MessageQuestion zone;
  if (reader.header().questions != 1) return malformed;
  if (reader.next_question(zone) != MessageReader::Step::item) return malformed;
  if (zone.type != wire::type_soa) return malformed;
  if (zone.record_class != wire::class_in) return std::unexpected(wire::rcode_notauth);
  UpdateMessage update{.zone = zone.name, .prerequisites = {}, .updates = {}};
  wire::MessageRecord record;
  while (true) {
    const auto step = reader.next_record(record);
    if (step == MessageReader::Step::fault) return malformed;
    if (step == MessageReader::Step::end) break;
    if (record.section == wire::Section::additional) continue;
    auto& records = record.section == wire::Section::answer ? update.prerequisites : update.updates;
    records.push_back(to_record(record));
  }
  for (const auto* records : {&update.prerequisites, &update.updates}) {
    const bool is_first = records == &update.prerequisites;
    for (const UpdateRecord& of : *records) {
      if (!(is_first ? is_prerequisite(of) : is_update(of))) return malformed;
      if (!of.owner.view().is_at_or_below(update.zone)) return std::unexpected(rcode_notzone);
    }
  }
  return update;
}

}  // namespace holdfast::transfer
