// SPDX-License-Identifier: GPL-3.0-or-later
// Writes a new version of one zone beside the published one, which readers go on seeing.
//
// Nothing that is written here can be reached by a reader until the owner (Memory) links it;
// `discard` gives all of it back. Staged nodes come in canonical order, NSEC3 owners last, as from
// Contents::Cursor. Owner: the writer of zone memory.
#pragma once

#include <span>
#include <vector>

#include "wire/name_hash.h"
#include "zone/allocator.h"
#include "zone/denial_profile.h"
#include "zone/memory.h"
#include "zone/node_format.h"
#include "zone/section_merge.h"

namespace holdfast::zone {

// A node that takes a place in the name table: an older node's, if its `older` says so.
struct NodeLink {
  layout::Ref node = 0;
  uint32_t tag = 0;
};

class ZoneEdit {
 public:
  // `version` is the published one.
  ZoneEdit(Allocator& allocator, uint8_t* base, layout::Ref zone, layout::Ref version,
           Unmentioned unmentioned, const NodeChange& on_change);

  // So many nodes will come; for memory only.
  void expect(size_t nodes);
  [[nodiscard]] Result<void> put(const StagedNode& node);
  // Writes the rest. The version's reference, or 0 if nothing differs from the published one.
  [[nodiscard]] Result<layout::Ref> finish();
  // After a failure, or if nothing differs.
  void discard();

  [[nodiscard]] const Publication& publication() const { return publication_; }
  [[nodiscard]] const std::vector<NodeLink>& links() const { return links_; }
  // Once it is finished, what its owner has to link and to keep account of.
  [[nodiscard]] std::vector<NodeLink> take_links() { return std::move(links_); }
  // New blobs beside the linked nodes, and published ones that the new version does without.
  [[nodiscard]] std::vector<Extent> take_made() { return std::move(made_); }
  [[nodiscard]] std::vector<Extent> take_outdated() { return std::move(outdated_); }

  // For SectionMerge.
  [[nodiscard]] uint8_t* base() const { return base_; }
  [[nodiscard]] Bytes relative(wire::NameView owner) const;
  [[nodiscard]] bool rewrites_all() const { return profile_ != old_profile_; }
  // The node that stands for `node` from now on: `old` if they are alike, 0 if it is removed.
  [[nodiscard]] Result<layout::Ref> settle(const StagedNode& node, layout::Ref old);
  [[nodiscard]] Result<void> remove(layout::Ref old);
  [[nodiscard]] Result<layout::Ref> write_chunk(std::span<const layout::Ref> nodes);
  [[nodiscard]] Result<layout::Ref> write_blob(Bytes bytes);
  void outdate(const layout::Chunk* chunk);

 private:
  [[nodiscard]] layout::Node* node_at(layout::Ref ref) const {
    return layout::at<layout::Node>(base_, ref);
  }
  [[nodiscard]] Result<layout::Ref> write_node(Bytes bytes, layout::Ref old);
  [[nodiscard]] uint32_t tag_of(Bytes labels) const;
  [[nodiscard]] Bytes fill_chunk(std::span<const layout::Ref> nodes);
  [[nodiscard]] bool is_usable(const layout::Node* node) const;
  [[nodiscard]] bool mostly_delegates(const layout::Section& named) const;
  void outdate_section(const layout::Section& section);

  Allocator& allocator_;
  uint8_t* base_;
  layout::Ref zone_;
  layout::Ref old_version_;
  const NodeChange& on_change_;
  uint64_t salt_;
  wire::NameView apex_;
  uint64_t apex_hash_;
  DenialProfile profile_;
  DenialProfile old_profile_;
  layout::Ref apex_node_;
  uint64_t records_;
  size_t labels_below_apex_max_;
  NodeFormat format_;
  std::vector<uint8_t> scratch_;
  std::vector<NodeLink> links_;
  std::vector<Extent> made_;
  std::vector<Extent> outdated_;
  Publication publication_;
  SectionMerge named_;
  SectionMerge nsec3_;
};

}  // namespace holdfast::zone
