// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/lookup.h"

namespace holdfast::answer {

namespace {

constexpr std::array<uint8_t, 2> wildcard_label{1, '*'};

// What hides a node: the cut or DNAME above it.
zone::Encloser occluding_ancestor(const zone::ZoneView& zone, wire::NameView name,
                                  const wire::SuffixHashes& hashes, size_t labels) {
  while (--labels > zone.apex_label_count()) {
    const auto node = zone.find(name, hashes, labels);
    if (node && !node->has(zone::node_occluded)) return {*node, labels};
  }
  return {zone.apex_node(), zone.apex_label_count()};
}

}  // namespace

Location locate(const zone::MemoryReader& zones, const zone::ZoneView& zone, wire::NameView name,
                const wire::SuffixHashes& hashes, const zone::Encloser& encloser, uint16_t qtype) {
  const auto [node, labels] = encloser.node.has(zone::node_occluded)
                                  ? occluding_ancestor(zone, name, hashes, encloser.labels)
                                  : encloser;
  const bool is_whole_name = labels == hashes.label_count();
  if (node.has(zone::node_cut) && (!is_whole_name || qtype != wire::type_ds)) {
    return {Match::delegation, node, labels};
  }
  if (is_whole_name) return {Match::exact, node, labels};
  if (node.has(zone::node_dname)) return {Match::dname, node, labels};
  if (node.has(zone::node_has_wildcard)) {
    const auto source =
        zone.find_child(node, hashes.of_last(labels), wildcard_label, zones.hash_key());
    if (source) return {Match::wildcard, *source, labels};
  }
  return {Match::none, node, labels};
}

}  // namespace holdfast::answer
