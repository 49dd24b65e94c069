// SPDX-License-Identifier: GPL-3.0-or-later
// A zone's next version in the making: the published one, and the names at which records differ.
//
// Reads through to the published version, so that what is changed may depend on what is there.
// `settle` then tells of each name that may be in another state what it is to questions, be it by
// its own records or by those of others: empty non-terminals that come and go, names that a new
// delegation hides, parents of wildcards. The cost is that of the changed names, however large the
// zone is, but for what a delegation or DNAME hides or shows.
// Refers to the published version, which outlives it. One thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "zone/contents.h"
#include "zone/staging.h"
#include "zone/view.h"

namespace holdfast::zone {

struct DraftRecord {
  uint16_t type = 0;
  uint32_t ttl = 0;
  std::vector<uint8_t> rdata;
};
using DraftRecords = std::vector<DraftRecord>;

// A name as the draft leaves it.
struct DraftNode {
  std::string key = {};  // its place in order (zone/order_key.h)
  wire::Name owner;
  uint16_t flags = 0;                 // node_removed: nothing is there any more
  std::vector<StagedRecord> records;  // in the draft, or in the published version
  std::optional<NodeView> before;     // as it is published

  [[nodiscard]] bool has(NodeFlag flag) const { return (flags & flag) != 0; }
};

class Draft {
 public:
  // Which published records the draft takes over; the others are as if they were not there.
  using Takes = std::function<bool(const NodeView& node, uint16_t type)>;
  static bool takes_all(const NodeView&, uint16_t) { return true; }

  Draft(const ZoneView& before, const HashKey& key, Takes takes = takes_all);

  [[nodiscard]] const ZoneView& before() const { return before_; }
  [[nodiscard]] wire::NameView apex() const { return before_.apex(); }

  // The records at a name of the zone, signatures among them, in no order. Valid until it changes.
  [[nodiscard]] const DraftRecords& read(wire::NameView owner);
  // The same, to be changed until the next call.
  DraftRecords& change(wire::NameView owner);
  // What is changed from here on can be taken back.
  void mark() { undo_.clear(); }
  void take_back();
  // Names at which `change` was called, and not taken back.
  [[nodiscard]] size_t changed_count() const { return changed_; }

  // In canonical order, NSEC3 owners last; the apex and the names above changed ones are always
  // there, changed or not. The error is a name with records below a DNAME. Valid while the draft
  // does not change.
  [[nodiscard]] Result<std::vector<DraftNode>> settle();
  // All records of the next version; not finished.
  [[nodiscard]] Contents contents() const;

  // Once settled. Whether something at the name hides what is below: a delegation or a DNAME.
  [[nodiscard]] bool is_hidden(wire::NameView owner) const;
  // Whether `is_wanted` holds for a name below `owner` that has records.
  using IsWanted = std::function<bool(wire::NameView owner, const std::vector<uint16_t>& types)>;
  [[nodiscard]] bool any_below(wire::NameView owner, const IsWanted& is_wanted) const;
  // A node of `before`, as it is: for those that draw in neighbours.
  [[nodiscard]] DraftNode unchanged(const NodeView& node) const;

 private:
  struct Entry {
    wire::Name owner;
    bool is_changed = false;
    DraftRecords records;
  };
  enum class Occluder : uint8_t { none, cut, dname };

  [[nodiscard]] Bytes relative(wire::NameView owner) const;
  [[nodiscard]] std::string key_of(wire::NameView owner) const;
  [[nodiscard]] wire::Name owner_of(const NodeView& node) const;
  [[nodiscard]] std::optional<NodeView> find(wire::NameView owner) const;
  [[nodiscard]] std::optional<NodeView> find_nsec3(wire::NameView owner) const;
  [[nodiscard]] const Entry* changed_entry(const std::string& key) const;
  Entry& entry_of(wire::NameView owner);
  void load(Entry& entry, const NodeView& node) const;
  void stage(const NodeView& node, std::vector<StagedRecord>& records) const;
  [[nodiscard]] std::vector<uint16_t> types_of(const NodeView& node) const;
  // Of ordinary records, as the draft has them.
  [[nodiscard]] std::vector<uint16_t> types_at(wire::NameView owner) const;
  [[nodiscard]] Occluder occluder_at(wire::NameView owner) const;
  [[nodiscard]] Occluder occluder_above(wire::NameView owner) const;
  void collect();
  void collect_below(wire::NameView owner);
  [[nodiscard]] Result<void> settle_ordinary(const std::string& key, wire::NameView owner,
                                             std::vector<DraftNode>& nodes) const;
  void settle_nsec3(const std::string& key, const Entry& entry,
                    std::vector<DraftNode>& nodes) const;

  ZoneView before_;
  HashKey key_;
  Takes takes_;
  std::map<std::string, Entry> names_;
  std::map<std::string, Entry> undo_;  // as the names were at the mark
  size_t changed_ = 0;
  std::map<std::string, wire::Name> affected_;
};

// What zone memory is given to make the draft's version the published one (Memory::amend).
struct StagedChange {
  Contents contents;
  std::vector<DraftNode> draft;
  std::vector<StagedNode> nodes;  // refer to both
};
// `contents` holds the records of all `draft` and is not finished. The error is a bound that is
// passed (Contents::finish).
[[nodiscard]] Result<StagedChange> stage_change(Contents contents, std::vector<DraftNode> draft);
// With the records that the draft itself has.
[[nodiscard]] Result<StagedChange> stage_draft(Draft& draft);

// What is wrong with the names of a change by the rules that make a zone file be refused.
[[nodiscard]] Result<void> judge_change(const StagedChange& change);

}  // namespace holdfast::zone
