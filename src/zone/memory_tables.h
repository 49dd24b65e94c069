// SPDX-License-Identifier: GPL-3.0-or-later
// The two tables of zone memory, zones and names, as their writer uses them: with growth.
//
// A table grows beside the old one and is swapped by one store of its root; the old one's space is
// handed to the owner, who waits for the readers. It does so ahead of need, in steps between
// changes, and within a change if that has not been possible. Owner: the writer of zone memory.
#pragma once

#include <vector>

#include "wire/name_hash.h"
#include "zone/allocator.h"
#include "zone/growing_table.h"
#include "zone/memory.h"

namespace holdfast::zone {

// The tag in the name table of a name of that zone, given by its labels below the apex.
[[nodiscard]] uint32_t tag_of_name(const uint8_t* base, layout::Ref zone, Bytes relative_owner);
// The same of a node that is none of an NSEC3 owner.
[[nodiscard]] uint32_t tag_of_node(const uint8_t* base, const layout::Node* node);

class MemoryTables {
 public:
  MemoryTables(Allocator& allocator, uint8_t* base, const GrowthAhead& ahead);
  // Takes what the file's header refers to, and counts it.
  void load();

  // Room for so many more; what is inserted afterwards hardly ever makes a table grow.
  [[nodiscard]] Result<void> reserve_names(uint64_t names);
  [[nodiscard]] Result<void> reserve_zones(uint64_t zones);
  // One step towards a larger table, if one is nearly full: see Memory::grow_ahead.
  [[nodiscard]] Result<bool> grow_ahead();
  [[nodiscard]] uint64_t grown_ahead() const { return grown_ahead_; }
  // Of those that were begun ahead: they did not hold what they were to.
  [[nodiscard]] uint64_t too_small() const { return too_small_; }
  // Taken into service, ahead or within a change.
  [[nodiscard]] uint64_t replaced() const { return replaced_; }
  [[nodiscard]] Result<void> insert_name(uint32_t tag, layout::Ref node);
  // Makes the zone visible, with its version set.
  [[nodiscard]] Result<void> insert_zone(layout::Ref zone);
  void remove_zone(layout::Ref zone);

  [[nodiscard]] layout::Ref find_zone(wire::NameView apex) const;
  // The newest node of that name and zone, removed ones included.
  [[nodiscard]] layout::Ref find_name(uint32_t tag, layout::Ref zone, Bytes relative_owner) const;

  [[nodiscard]] GrowingTable& names() { return names_; }
  [[nodiscard]] const SlotTable& zones() const { return zones_.now(); }
  // Tables that were left since the last call.
  [[nodiscard]] std::vector<Extent> take_outgrown();

 private:
  enum class Need : uint8_t { now, ahead };
  [[nodiscard]] Result<void> reserve(GrowingTable& table, uint64_t& root_word, uint64_t slots);
  [[nodiscard]] Result<void> insert(GrowingTable& table, uint64_t& root_word, uint32_t tag,
                                    layout::Ref ref);
  [[nodiscard]] Result<void> grow(GrowingTable& table, uint64_t& root_word, uint32_t wanted,
                                  uint32_t least);
  [[nodiscard]] bool take_prepared(GrowingTable& table, uint64_t& root_word, uint32_t least);
  [[nodiscard]] Result<bool> grow_ahead(GrowingTable& table, uint64_t& root_word);
  [[nodiscard]] Result<void> begin_any(GrowingTable& table, uint32_t wanted, uint32_t least);
  [[nodiscard]] Result<void> begin(GrowingTable& table, uint32_t buckets, Need need);
  [[nodiscard]] Result<layout::Ref> allocate(GrowingTable& table, uint32_t units, Need need);
  void put_in_service(GrowingTable& table, uint64_t& root_word);
  void give_up(GrowingTable& table);
  [[nodiscard]] layout::FileHeader* header() const {
    return layout::at<layout::FileHeader>(base_, 0);
  }
  [[nodiscard]] const layout::Zone* zone_at(layout::Ref ref) const {
    return layout::at<layout::Zone>(base_, ref);
  }
  [[nodiscard]] uint32_t tag_of_zone(wire::NameView apex) const;
  void publish_depths();

  Allocator& allocator_;
  uint8_t* base_;
  GrowthAhead ahead_;
  GrowingTable names_;
  GrowingTable zones_;
  std::array<uint32_t, 128> zones_by_depth_{};
  uint32_t zone_count_ = 0;
  std::vector<Extent> outgrown_;
  uint64_t grown_ahead_ = 0;
  uint64_t too_small_ = 0;
  uint64_t replaced_ = 0;
};

}  // namespace holdfast::zone
