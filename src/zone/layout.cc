// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/layout.h"

#include <algorithm>

#include "wire/types.h"

namespace holdfast::zone::layout {

namespace {

size_t records_end(const Node* node) {
  size_t bytes = sizeof(Node) + node->owner_bytes + node->rrset_count * sizeof(RrsetEntry);
  for (size_t i = 0; i < node->rrset_count; ++i) {
    const RrsetEntry entry = rrset_entry(node, i);
    bytes += size_t{entry.record_bytes} + entry.signature_bytes;
  }
  return bytes;
}

}  // namespace

size_t node_bytes(const Node* node) {
  const size_t bytes = records_end(node);
  if ((node->flags & node_glue_places) == 0) return bytes;
  return glue_places_at(bytes) + glue_place_count(node) * sizeof(Ref);
}

size_t glue_place_count(const Node* node) {
  if ((node->flags & node_glue_places) == 0) return 0;
  for (size_t i = 0; i < node->rrset_count; ++i) {
    const RrsetEntry entry = rrset_entry(node, i);
    if (entry.type == wire::type_ns) return std::min<size_t>(entry.count, glue_places_max);
  }
  return 0;
}

const Ref* glue_places(const Node* node) {
  const auto* start = static_cast<const uint8_t*>(static_cast<const void*>(node));
  return static_cast<const Ref*>(
      static_cast<const void*>(start + glue_places_at(records_end(node))));
}

Ref* glue_places(Node* node) {
  return const_cast<Ref*>(glue_places(static_cast<const Node*>(node)));
}

size_t node_records(const Node* node) {
  size_t records = 0;
  for (size_t i = 0; i < node->rrset_count; ++i) {
    const RrsetEntry entry = rrset_entry(node, i);
    records += size_t{entry.count} + entry.signature_count;
  }
  return records;
}

bool node_has_type(const Node* node, uint16_t type) {
  for (size_t i = 0; i < node->rrset_count; ++i) {
    if (rrset_entry(node, i).type == type) return true;
  }
  return false;
}

}  // namespace holdfast::zone::layout
