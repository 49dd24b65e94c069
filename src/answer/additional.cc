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

void add_addresses(Draft& draft, const zone::MemoryReader& zones, const zone::ZoneView& zone,
                   wire::NameView server, Need need) {
  if (!server.is_at_or_below(zone.apex())) return;
  const wire::SuffixHashes hashes(server, zones.hash_key());
  const auto node = zone.find(server, hashes, hashes.label_count());
  // What is required lies below the cut, so that is what hides it.
  const bool is_glue = need == Need::required;
  if (!node || (!is_glue && is_hidden(zones, zone, *node, server, hashes))) return;
  for (const uint16_t type : {wire::type_a, wire::type_aaaa}) {
    const auto addresses = node->find(type);
    if (!addresses) continue;
    if (need == Need::required) {
      draft.require(wire::Section::additional, server, *addresses);
    } else {
      draft.offer(server, *addresses);
    }
  }
}

}  // namespace

void add_glue(Draft& draft, const zone::MemoryReader& zones, const zone::ZoneView& zone,
              const zone::RrsetView& servers, wire::NameView cut) {
  bool has_others = false;
  for_each_server(servers, [&](wire::NameView server) {
    if (draft.truncated) return;
    if (server.is_at_or_below(cut)) {
      add_addresses(draft, zones, zone, server, Need::required);
    } else {
      has_others = true;
    }
  });
  if (!has_others) return;
  for_each_server(servers, [&](wire::NameView server) {
    if (draft.truncated || server.is_at_or_below(cut)) return;
    add_addresses(draft, zones, zone, server, Need::optional);
  });
}

void offer_addresses(Draft& draft, const zone::MemoryReader& zones, const zone::ZoneView& zone,
                     const zone::RrsetView& servers) {
  for_each_server(servers, [&](wire::NameView server) {
    if (!draft.truncated) add_addresses(draft, zones, zone, server, Need::optional);
  });
}

}  // namespace holdfast::answer
