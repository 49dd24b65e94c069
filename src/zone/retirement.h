// SPDX-License-Identifier: GPL-3.0-or-later
// What published zone memory does without, until no reader can see it any more.
//
// Entries are added to an open batch; `close_batch` begins an epoch, and once all readers are
// beyond it `reclaim` carries the entries out in the order in which they came.
// Owner: the writer of zone memory.
#pragma once

#include <deque>
#include <vector>

#include "base/epoch.h"
#include "zone/memory_tables.h"

namespace holdfast::zone {

class Retirement {
 public:
  Retirement(Allocator& allocator, MemoryTables& tables, uint8_t* base, EpochBoard& epochs)
      : allocator_(allocator), tables_(tables), base_(base), epochs_(epochs) {}

  // Space that only readers from before still look at.
  void add_space(Extent extent);
  // `newer` took the place of `older`, which it still links to.
  void add_older(layout::Ref newer, layout::Ref older);
  // The same, if the space of what is linked to is accounted for otherwise.
  void add_link(layout::Ref newer);
  // A node in the name table that stands for nothing: its slot goes, and then its space.
  void add_slot(layout::Ref node, uint32_t tag);
  // A zone that was taken out of the zone table: all that is its own.
  void add_zone(layout::Ref zone);

  void close_batch();
  void reclaim();
  [[nodiscard]] uint64_t waiting_bytes() const { return waiting_units_ * layout::unit_bytes; }

 private:
  enum class Kind : uint8_t { space, older, link, slot, zone };
  struct Entry {
    Kind kind;
    layout::Ref ref;
    uint32_t detail;  // units, the older node or the tag
  };
  struct Batch {
    uint64_t epoch = 0;
    std::vector<Entry> entries;
  };

  void carry_out(const Entry& entry);
  void take_apart(layout::Ref zone);
  void take_apart(const layout::Section& section);
  [[nodiscard]] Extent extent_of_node(layout::Ref node) const;

  Allocator& allocator_;
  MemoryTables& tables_;
  uint8_t* base_;
  EpochBoard& epochs_;
  std::vector<Entry> open_;
  std::deque<Batch> batches_;
  uint64_t waiting_units_ = 0;
};

}  // namespace holdfast::zone
