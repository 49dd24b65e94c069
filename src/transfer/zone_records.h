// SPDX-License-Identifier: GPL-3.0-or-later
// The records of a version in zone memory, one after another.
//
// Valid while the caller stands in its epoch. No allocation.
#pragma once

#include "base/check.h"
#include "zone/view.h"

namespace holdfast::transfer {

struct ZoneRecord {
  wire::NameView owner;
  uint16_t type = 0;
  uint32_t ttl = 0;
  Bytes rdata;
};

// Calls `visit(const ZoneRecord&)` for each of `records` (zone/view.h has their form).
template <typename Visit>
void for_each_of(Bytes records, wire::NameView owner, Visit&& visit) {
  ByteReader reader(records);
  while (reader.remaining() > 0) {
    reader.skip(2);  // the owner, as a pointer
    ZoneRecord record;
    record.owner = owner;
    record.type = reader.read_u16();
    reader.skip(2);
    record.ttl = reader.read_u32();
    record.rdata = reader.read_bytes(reader.read_u16());
    CHECK(!reader.failed());
    visit(record);
  }
}

template <typename Visit>
void for_each_soa(const zone::ZoneView& zone, Visit&& visit) {
  if (const auto soa = zone.apex_node().find(wire::type_soa)) {
    for_each_of(soa->records, zone.apex(), visit);
  }
}

// Signatures of the SOA included.
template <typename Visit>
void for_each_record_but_soa(const zone::ZoneView& zone, Visit&& visit) {
  zone.for_each_node([&](const zone::NodeView& node) {
    wire::Name owner;
    CHECK(owner.assign_joined(node.relative_owner(), zone.apex()));
    for (size_t i = 0; i < node.rrset_count(); ++i) {
      const zone::RrsetView rrset = node.rrset_at(i);
      if (rrset.type != wire::type_soa) for_each_of(rrset.records, owner, visit);
      for_each_of(rrset.signatures, owner, visit);
    }
  });
}

}  // namespace holdfast::transfer
