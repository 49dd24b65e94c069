// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/lookup.h"

#include <algorithm>

namespace holdfast::answer {

namespace {

struct Encloser {
  zone::NodeView node;
  size_t labels;
};

// The deepest node at or above the name. Every ancestor of a node is one too (empty non-terminals
// are nodes), so the depths are searched by halves.
Encloser deepest_existing(const zone::ZoneView& zone, wire::NameView name,
                          const wire::SuffixHashes& hashes) {
  const size_t apex_labels = zone.apex_label_count();
  const size_t deepest = std::min(hashes.label_count(), apex_labels + zone.labels_below_apex_max());
  if (deepest == apex_labels) return {zone.apex_node(), apex_labels};
  if (const auto node = zone.find(name, hashes, deepest)) return {*node, deepest};
  Encloser found{zone.apex_node(), apex_labels};
  size_t missing = deepest;
  while (missing - found.labels > 1) {
    const size_t middle = (found.labels + missing) / 2;
    if (const auto node = zone.find(name, hashes, middle)) {
      found = {*node, middle};
    } else {
      missing = middle;
    }
  }
  return found;
}

// What hides a node: the cut or DNAME above it.
Encloser occluding_ancestor(const zone::ZoneView& zone, wire::NameView name,
                            const wire::SuffixHashes& hashes, size_t labels) {
  while (--labels > zone.apex_label_count()) {
    const auto node = zone.find(name, hashes, labels);
    if (node && !node->has(zone::node_occluded)) return {*node, labels};
  }
  return {zone.apex_node(), zone.apex_label_count()};
}

}  // namespace

Location locate(const zone::MemoryReader& zones, const zone::ZoneView& zone, wire::NameView name,
                const wire::SuffixHashes& hashes, uint16_t qtype) {
  Encloser encloser = deepest_existing(zone, name, hashes);
  if (encloser.node.has(zone::node_occluded)) {
    encloser = occluding_ancestor(zone, name, hashes, encloser.labels);
  }
  const auto& [node, labels] = encloser;
  const bool is_whole_name = labels == hashes.label_count();
  if (node.has(zone::node_cut) && (!is_whole_name || qtype != wire::type_ds)) {
    return {Match::delegation, node, labels};
  }
  if (is_whole_name) return {Match::exact, node, labels};
  if (node.has(zone::node_dname)) return {Match::dname, node, labels};
  if (node.has(zone::node_has_wildcard)) {
    wire::Name wildcard;
    if (wildcard.assign_wildcard_of(name.last_labels(labels))) {
      const wire::SuffixHashes wildcard_hashes(wildcard, zones.hash_key());
      const auto source = zone.find(wildcard, wildcard_hashes, labels + 1);
      if (source) return {Match::wildcard, *source, labels};
    }
  }
  return {Match::none, node, labels};
}

}  // namespace holdfast::answer
