// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/layout.h"

#include <algorithm>

#include "wire/types.h"

namespace holdfast::zone::layout {

size_t node_bytes(const Node* node) {
  size_t bytes = records_begin(node);
  for (size_t i = 0; i < node->rrset_count; ++i) {
    const RrsetEntry entry = rrset_entry(node, i);
    bytes += size_t{entry.record_bytes} + entry.signature_bytes;
  }
  return bytes;
}

size_t glue_place_count(const Node* node) {
  if ((node->flags & node_glue_places) == 0) return 0;
  for (size_t i = 0; i < node->rrset_count; ++i) {
    const RrsetEntry entry = rrset_entry(node, i);
    if (entry.type == wire::type_ns) return std::min<size_t>(entry.count, glue_places_max);
  }
  return 0;
}

size_t records_begin_behind_glue_places(const Node* node) {
  return glue_places_at(directory_end(node)) + glue_place_count(node) * sizeof(Ref);
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
