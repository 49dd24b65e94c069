// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/zone_printer.h"

#include <algorithm>

#include "base/check.h"
#include "wire/rdata_text.h"

namespace holdfast::control {

namespace {

// The records of an RRset in zone memory; their owner is a pointer of two bytes (zone/view.h).
void print_records(Bytes records, const wire::Name& owner, std::string& text) {
  ByteReader reader(records);
  while (reader.remaining() > 0) {
    reader.skip(2);
    const uint16_t type = reader.read_u16();
    reader.skip(2);
    const uint32_t ttl = reader.read_u32();
    const Bytes rdata = reader.read_bytes(reader.read_u16());
    CHECK(!reader.failed());
    text += wire::record_to_text(owner, type, ttl, rdata) + '\n';
  }
}

void print_rrset(const zone::RrsetView& rrset, const wire::Name& owner, std::string& text) {
  print_records(rrset.records, owner, text);
  print_records(rrset.signatures, owner, text);
}

}  // namespace

std::string ZonePrinter::next_chunk() {
  std::string text;
  while (position_ < zone_.index_size() && text.size() < chunk_bytes) {
    print_node(zone_.index_at(position_++), text);
  }
  return text;
}

void ZonePrinter::print_node(const zone::NodeView& node, std::string& text) const {
  wire::Name owner;
  CHECK(owner.assign_joined(node.relative_owner(), zone_.apex()));
  // The SOA comes first, as zone transfers have it.
  if (const auto soa = node.find(wire::type_soa)) print_rrset(*soa, owner, text);
  for (size_t i = 0; i < node.rrset_count(); ++i) {
    const zone::RrsetView rrset = node.rrset_at(i);
    if (rrset.type != wire::type_soa) print_rrset(rrset, owner, text);
  }
}

Result<std::shared_ptr<ZonePrinter>> ZonePrinters::begin(wire::NameView apex) {
  const auto free = std::ranges::find(is_taken_, false);
  if (free == is_taken_.end()) {
    return fail("already " + std::to_string(is_taken_.size()) +
                " zones are being printed; try again when one is done");
  }
  const auto slot = static_cast<size_t>(free - is_taken_.begin());
  const auto reader = static_cast<uint32_t>(exchange::workers_max + slot);
  epochs_.enter(reader);
  const wire::SuffixHashes hashes(apex, memory_.hash_key());
  const auto zone = memory_.find_zone(apex, hashes, zone::MemoryReader::Search::at_or_above);
  if (!zone || !(zone->apex() == apex) || !zone->available()) {
    epochs_.leave(reader);
    return fail("zone " + apex.to_text() + " has nothing to print: it could not be loaded yet");
  }
  is_taken_[slot] = true;
  return std::shared_ptr<ZonePrinter>(new ZonePrinter(*zone),
                                      [this, slot, reader](ZonePrinter* printer) {
                                        delete printer;
                                        epochs_.leave(reader);
                                        is_taken_[slot] = false;
                                      });
}

}  // namespace holdfast::control
