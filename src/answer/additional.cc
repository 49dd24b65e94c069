// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/additional.h"

#include "answer/lookup.h"
#include "answer/servers.h"

namespace holdfast::answer {

namespace {

enum class Need : uint8_t { required, optional };

// True for data that a DNAME hides rather than a cut: it is no glue.
bool is_hidden(const zone::MemoryReader& zones, const zone::ZoneView& zone,
               const zone::NodeView& node, wire::NameView name, const wire::SuffixHashes& hashes) {
  return node.has(zone::node_occluded) &&
         locate(zones, zone, name, hashes, zone::find_encloser(zone, name, hashes), wire::type_a)
                 .match != Match::delegation;
}

void add_addresses(Draft& draft, const zone::NodeView& node, wire::NameView server, Need need) {
  for (const uint16_t type : {wire::type_a, wire::type_aaaa}) {
    const auto addresses = node.find(type);
    if (!addresses) continue;
    if (need == Need::required) {
      draft.require(wire::Section::additional, server, *addresses);
    } else {
      draft.offer(server, *addresses);
    }
  }
}

void offer_addresses_of(Draft& draft, const zone::MemoryReader& zones, const zone::ZoneView& zone,
                        wire::NameView server) {
  if (!server.is_at_or_below(zone.apex())) return;
  const wire::SuffixHashes hashes(server, zones.hash_key());
  const auto node = zone.find(server, hashes, hashes.label_count());
  if (!node || is_hidden(zones, zone, *node, server, hashes)) return;
  add_addresses(draft, *node, server, Need::optional);
}

}  // namespace

void add_glue(Draft& draft, const zone::MemoryReader& zones, const zone::ZoneView& zone,
              const zone::NodeView& cut_node, wire::NameView cut) {
  const zone::RrsetView servers = *cut_node.find(wire::type_ns);
  bool has_others = false;
  size_t index = 0;
  for_each_server(servers, [&](wire::NameView server) {
    const size_t place = index++;
    if (draft.truncated) return;
    if (!server.is_at_or_below(cut)) {
      has_others = true;
      return;
    }
    // What is required lies below the cut, so that is what hides it.
    const auto node = zone.find_glue(cut_node, place, server, zones.hash_key());
    if (node) add_addresses(draft, *node, server, Need::required);
  });
  if (!has_others) return;
  for_each_server(servers, [&](wire::NameView server) {
    if (draft.truncated || server.is_at_or_below(cut)) return;
    offer_addresses_of(draft, zones, zone, server);
  });
}

void offer_addresses(Draft& draft, const zone::MemoryReader& zones, const zone::ZoneView& zone,
                     const zone::RrsetView& servers) {
  for_each_server(servers, [&](wire::NameView server) {
    if (!draft.truncated) offer_addresses_of(draft, zones, zone, server);
  });
}

}  // namespace holdfast::answer
