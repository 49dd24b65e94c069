// SPDX-License-Identifier: GPL-3.0-or-later
// Merges staged nodes into one section of a zone's ordered index, chunk by chunk: chunks in which
// nothing changes are shared with the version before.
//
// Staged nodes come in canonical order. The owner (ZoneEdit) says what becomes of each node.
// A failure leaves the published version as it was. Owner: the writer of zone memory.
#pragma once

#include <vector>

#include "base/error.h"
#include "zone/contents.h"
#include "zone/ordered_index.h"

namespace holdfast::zone {

class ZoneEdit;

// What becomes of a published node for which no staged node comes.
enum class Unmentioned : uint8_t { removed, kept };

class SectionMerge {
 public:
  SectionMerge(ZoneEdit& edit, const layout::Section* old, Unmentioned unmentioned);

  [[nodiscard]] Result<void> push(const StagedNode& node);
  // Settles the rest and writes the new section. `keyed`: the section will be searched.
  [[nodiscard]] Result<layout::Section> finish();

 private:
  // Where a staged node stands to the next published one.
  enum class Side : uint8_t { before, same, after };
  [[nodiscard]] Side side_of(Bytes owner, const OrderKey& key, layout::Ref published);

  [[nodiscard]] bool has_old_chunk() const { return chunk_ < old_.chunks; }
  [[nodiscard]] const layout::Chunk* old_chunk() const;
  [[nodiscard]] bool begins_after(size_t chunk, const OrderKey& key) const;
  [[nodiscard]] Result<void> settle_unmentioned(layout::Ref node);
  [[nodiscard]] Result<void> insert(const StagedNode& node, layout::Ref old);
  [[nodiscard]] Result<void> close_chunk();
  void share_chunk();
  [[nodiscard]] Result<void> emit(size_t nodes_left_max);
  [[nodiscard]] Result<void> emit_chunk(size_t nodes);
  [[nodiscard]] Result<layout::Section> write_top();

  ZoneEdit& edit_;
  layout::Section old_{};
  Unmentioned unmentioned_;
  size_t chunk_ = 0;     // of the old ones
  size_t position_ = 0;  // in it
  // Nodes since the last chunk that was written or shared; `dirty_` if they are not simply those
  // of the old chunk.
  std::vector<layout::Ref> pending_;
  bool dirty_ = false;
  std::vector<layout::TopEntry> top_;
  std::vector<uint8_t> scratch_;
};

}  // namespace holdfast::zone
