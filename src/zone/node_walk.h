// SPDX-License-Identifier: GPL-3.0-or-later
// Steps through a zone's sorted runs name by name and adds what no record states: the empty
// non-terminals and what each name is to a question.
//
// Ordinary names come first, in canonical order, then the owners of NSEC3 records, which lie
// outside the name space (RFC 5155 §7.2.8). One thread; refers to the staging, which must not
// change.
#pragma once

#include <span>
#include <vector>

#include "zone/staging.h"

namespace holdfast::zone {

// Sorted runs; a name that owns NSEC3 and other records has its runs in both lists.
struct RunOrder {
  std::vector<Staging::Run> ordinary;
  std::vector<Staging::Run> nsec3;
};

// Sorts the runs and divides them.
[[nodiscard]] RunOrder order_runs(Staging& staging);

// The type that an RRSIG covers.
[[nodiscard]] uint16_t covered_type(Bytes rrsig_rdata);

struct NodeStep {
  wire::NameView relative_owner;  // the apex is the root name
  uint16_t flags = 0;             // all but node_has_wildcard, which only later names can tell
  Place place;                    // of the first record
};

class NodeWalk {
 public:
  NodeWalk(const Staging& staging, const RunOrder& order) : staging_(staging), order_(order) {}

  // False at the end.
  bool next();
  [[nodiscard]] const NodeStep& step() const { return step_; }
  // The node's records, in the order in which they were staged.
  [[nodiscard]] std::span<const StagedRecord> records() const { return step_records_; }

 private:
  bool read_ordinary_group();
  bool step_to_nsec3();
  void step_to(wire::NameView owner, std::span<const StagedRecord> records);
  [[nodiscard]] bool is_occluded(wire::NameView owner);

  const Staging& staging_;
  const RunOrder& order_;
  size_t ordinary_position_ = 0;
  size_t nsec3_position_ = 0;
  NodeStep step_;
  std::span<const StagedRecord> step_records_;
  // The group that was read last; its empty ancestors are stepped through before it.
  wire::NameView group_owner_;
  std::vector<StagedRecord> group_records_;
  bool group_waits_ = false;
  bool any_group_ = false;
  size_t level_ = 0;  // labels of the next node on the way to group_owner_
  // The highest cut or DNAME above the present place.
  wire::NameView occluder_;
  bool has_occluder_ = false;
};

}  // namespace holdfast::zone
