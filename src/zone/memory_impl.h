// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of the writer of zone memory, and how a change goes through them.
//
// A change writes a new version aside (ZoneEdit), links its nodes into the name table, makes it
// visible by one store, and retires what it replaced (Retirement). Several changes may wait for
// their stores together. Owner: Memory.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "zone/memory.h"
#include "zone/recovery.h"
#include "zone/retirement.h"
#include "zone/zone_edit.h"

namespace holdfast::zone {

// A zone's new version, complete and not yet visible.
struct ZoneChange {
  layout::Ref zone = 0;
  layout::Ref version = 0;
  bool is_new = false;          // so is the zone
  layout::Ref unpublished = 0;  // a new zone's version without contents
  std::vector<NodeLink> links;
  std::vector<Extent> made;
  std::vector<Extent> outdated;
};

struct Memory::Impl {
  Impl(MemoryFile opened, EpochBoard& epochs, uint64_t salt, const GrowthAhead& ahead)
      : file(std::move(opened)),
        tables(allocator, file.base(), ahead),
        retirement(allocator, tables, file.base(), epochs),
        salts(salt) {}

  [[nodiscard]] Result<std::string> recover();

  using Fill = std::function<Result<void>(ZoneEdit&)>;
  // Adds a change to `staged`, unless nothing differs.
  [[nodiscard]] Result<Publication> stage(wire::NameView apex, Unmentioned unmentioned,
                                          const NodeChange& on_change, const Fill& fill);
  // Both leave nothing staged.
  [[nodiscard]] Result<void> show_staged();
  void drop_staged();
  [[nodiscard]] Result<Publication> change(wire::NameView apex, Unmentioned unmentioned,
                                           const NodeChange& on_change, const Fill& fill);
  [[nodiscard]] Result<layout::Ref> write_version(ZoneEdit& edit, const Fill& fill);
  [[nodiscard]] Result<void> link_names(const ZoneChange& change, size_t& linked);
  // Gives back a change of which so many names are linked.
  void drop(const ZoneChange& change, size_t linked);
  [[nodiscard]] Result<void> reserve_new_zone();
  [[nodiscard]] Result<void> show_new_zones();
  void show(const ZoneChange& change);
  void retire_after(const ZoneChange& change);
  [[nodiscard]] Result<layout::Ref> make_zone(wire::NameView apex);
  void release_zone(layout::Ref zone);
  [[nodiscard]] Result<void> begin_change();
  void end_change();

  [[nodiscard]] layout::Zone* zone_at(layout::Ref ref) const {
    return layout::at<layout::Zone>(file.base(), ref);
  }
  [[nodiscard]] layout::Node* node_at(layout::Ref ref) const {
    return layout::at<layout::Node>(file.base(), ref);
  }
  [[nodiscard]] const layout::Version* version_of(layout::Ref zone) const {
    return layout::at<layout::Version>(file.base(), zone_at(zone)->version);
  }
  [[nodiscard]] uint64_t nodes_of(layout::Ref zone) const {
    return uint64_t{version_of(zone)->named.nodes} + version_of(zone)->nsec3.nodes;
  }

  MemoryFile file;
  Allocator allocator{file};
  MemoryTables tables;
  Retirement retirement;
  uint64_t salts;
  Origin origin = Origin::made_new;
  std::string discard_reason;
  std::vector<ZoneChange> staged;
  uint64_t staged_new_zones = 0;
  uint64_t reserved_new_zones = 0;
  uint64_t nodes = 0;
  uint64_t records = 0;
  uint64_t write_out_next = 0;    // of the file, in the round that is under way; 0: none is
  uint64_t touched_at_begin = 0;  // of that round, Allocator::touched_bytes
  uint64_t touched_written = 0;   // the same of the last that was whole
  uint64_t unwritten_found = 0;   // by this process, at its start; until a round was whole
  bool writes_all_again = false;  // since an error, until a round was whole
};

}  // namespace holdfast::zone
