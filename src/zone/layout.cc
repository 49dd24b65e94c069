// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/layout.h"

namespace holdfast::zone::layout {

size_t node_bytes(const Node* node) {
  size_t bytes = sizeof(Node) + node->owner_bytes + node->rrset_count * sizeof(RrsetEntry);
  for (size_t i = 0; i < node->rrset_count; ++i) {
    const RrsetEntry entry = rrset_entry(node, i);
    bytes += size_t{entry.record_bytes} + entry.signature_bytes;
  }
  return bytes;
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
