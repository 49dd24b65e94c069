// SPDX-License-Identifier: GPL-3.0-or-later
// The nodes of a zone as bytes of a journal entry, and back.
//
// docs/zone-journal.md describes them. Bounds and forms are checked when they are read: a journal
// may be damaged in ways that its checksums miss. One thread.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "zone/contents.h"

namespace holdfast::zone {

// The start of every entry's payload.
struct JournalHead {
  wire::NameView apex;
  uint64_t state = 0;
};
void append_head(const JournalHead& head, std::vector<uint8_t>& bytes);
// None if `payload` does not begin with one.
[[nodiscard]] std::optional<JournalHead> read_head(Bytes payload);

// One node in the state in which the entry leaves it. Without records (removed, or an empty
// non-terminal, which the others imply) it is kept as such.
void append_node(const StagedNode& node, wire::NameView apex, std::vector<uint8_t>& bytes);

// A node as it stands in an entry.
struct JournalNode {
  Bytes key;  // whether it is an NSEC3 owner, and the owner relative to the apex
  Bytes rrsets;

  [[nodiscard]] wire::NameView relative_owner() const { return wire::NameView(key.subspan(1)); }
};

// Takes nodes from the pieces of an entry's payload.
class JournalNodeReader {
 public:
  using Visitor = std::function<void(const JournalNode&)>;

  explicit JournalNodeReader(Visitor visit) : visit_(std::move(visit)) {}
  // False if the bytes have not the form of nodes.
  [[nodiscard]] bool add(Bytes piece);
  // False if the last node is incomplete.
  [[nodiscard]] bool finish() const { return head_passed_ && pending_.empty(); }

 private:
  [[nodiscard]] size_t take(Bytes bytes);

  Visitor visit_;
  std::vector<uint8_t> pending_;
  bool head_passed_ = false;
  bool failed_ = false;
};

// Adds the node's records; false if they are not well formed.
[[nodiscard]] bool add_records(const JournalNode& node, Contents& contents);

}  // namespace holdfast::zone
