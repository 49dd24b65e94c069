// SPDX-License-Identifier: GPL-3.0-or-later
// Zones in the journal of a test: what they hold as text, and what differs between two versions.
#pragma once

#include <map>
#include <string>

#include "base/check.h"
#include "zone/journal.h"
#include "zone/memory_model.h"

namespace holdfast::zone {

inline std::string node_text(const StagedNode& node) {
  std::string text;
  const auto append = [&](const std::vector<Bytes>& rdata) {
    for (const Bytes record : rdata) {
      text += std::to_string(record.size()) + ":";
      text.append(record.begin(), record.end());
    }
  };
  for (const StagedRrset& rrset : node.rrsets) {
    text += wire::type_to_text(rrset.type) + " " + std::to_string(rrset.ttl) + " ";
    append(rrset.rdata);
    if (!rrset.signatures.empty()) text += " signed " + std::to_string(rrset.signature_ttl) + " ";
    append(rrset.signatures);
  }
  return text;
}

// The nodes that have records, by their owner.
inline std::map<std::string, std::string> zone_text(const Contents& contents) {
  std::map<std::string, std::string> nodes;
  Contents::Cursor cursor(contents);
  while (const StagedNode* node = cursor.next()) {
    if (node->rrsets.empty()) continue;
    const char* kind = (node->flags & node_nsec3) != 0 ? " NSEC3" : "";
    CHECK(nodes.emplace(node->owner.to_text() + kind, node_text(*node)).second);
  }
  return nodes;
}

// Calls `visit` as Memory::publish does for a zone without NSEC3.
inline void for_each_change(const Contents& before, const Contents& after,
                            const NodeChange& visit) {
  std::map<std::string, std::string> gone = zone_text(before);
  Contents::Cursor cursor(after);
  while (const StagedNode* node = cursor.next()) {
    const auto old = gone.find(node->owner.to_text());
    if (old == gone.end() || old->second != node_text(*node)) visit(*node);
    if (old != gone.end() && !node->rrsets.empty()) gone.erase(old);
  }
  for (const auto& [owner, text] : gone) {
    const wire::Name name = sample_name(owner);
    StagedNode removed;
    removed.owner = name;
    removed.flags = node_removed;
    visit(removed);
  }
}

inline void append_change(Journal& journal, const Contents& before, const Contents& after,
                          uint64_t state_before, uint64_t state_after) {
  Journal::Difference difference =
      journal.begin_difference(after.apex(), state_before, state_after);
  for_each_change(before, after, [&](const StagedNode& node) { difference.add(node); });
  const auto committed = difference.commit();
  CHECK(committed.has_value());
}

inline Journal open_journal(const std::string& path, uint64_t slack_bytes = 1U << 30) {
  auto journal = Journal::open({.path = path, .slack_bytes = slack_bytes});
  CHECK(journal.has_value());
  return std::move(*journal);
}

}  // namespace holdfast::zone
