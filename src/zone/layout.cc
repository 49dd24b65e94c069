// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/layout.h"

#include "wire/name.h"

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

bool same_labels(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  size_t at = 0;
  for (; at + 8 <= a.size(); at += 8) {
    uint64_t word_a;
    uint64_t word_b;
    std::memcpy(&word_a, a.data() + at, 8);
    std::memcpy(&word_b, b.data() + at, 8);
    if (word_a == word_b) continue;
    for (size_t i = at; i < at + 8; ++i) {
      if (wire::to_lower(a[i]) != wire::to_lower(b[i])) return false;
    }
  }
  // Length bytes are below 64 and so never letters: folding them changes nothing.
  for (; at < a.size(); ++at) {
    if (wire::to_lower(a[at]) != wire::to_lower(b[at])) return false;
  }
  return true;
}

}  // namespace holdfast::zone::layout
