// SPDX-License-Identifier: GPL-3.0-or-later
// Hands out space in the file of zone memory and takes it back.
//
// What it knows lies on the writer's heap, never in the file: after a start it is told what is free
// (Occupancy). Small blobs have a list for each size and are otherwise cut from a region one after
// the other, so that a zone's nodes lie together, and those of one or two cache lines begin with
// one; large ones are cut from the smallest stretch that fits. Stretches grow together again when
// the file would have to grow. Owner: the writer.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "zone/memory_file.h"

namespace holdfast::zone {

struct Extent {
  layout::Ref start = 0;
  uint32_t units = 0;
};

class Allocator {
 public:
  explicit Allocator(MemoryFile& file);

  // At least one unit. Fails if the file cannot grow. The bytes are what they happen to be.
  [[nodiscard]] Result<layout::Ref> allocate(uint32_t units);
  // The same at a multiple of 64 bytes.
  [[nodiscard]] Result<layout::Ref> allocate_aligned(uint32_t units);
  // The same for what is not needed yet: nothing is sorted for it, the file grows at once by what
  // it takes and only if so much stays free on the disk, and pages are filled as they are written
  // to.
  [[nodiscard]] Result<layout::Ref> allocate_aligned_ahead(uint32_t units,
                                                           uint64_t disk_reserve_bytes);
  void release(Extent extent);
  // What would lie free in one stretch if this were released, smaller blobs beside it left out.
  [[nodiscard]] uint64_t units_with_neighbours(Extent extent) const;
  // Joins what is free if enough has been released; so the next zone's nodes lie together.
  void tidy();
  // From here on the file grows by little at first: a small change does not wait for the pages of
  // a large one.
  void begin_change() { step_bytes_ = step_bytes_min; }

  [[nodiscard]] uint64_t free_bytes() const;
  // All that was handed out so far, in whole pages: what was cut from a page by several calls in
  // sequence counts once, unless it was counted from anew between them.
  [[nodiscard]] uint64_t touched_bytes() const { return touched_pages_ * page_bytes; }
  [[nodiscard]] uint64_t count_touched_anew() {
    page_touched_last_ = 0;
    return touched_bytes();
  }

 private:
  static constexpr uint64_t page_bytes = 4096;
  static constexpr uint32_t small_units_max = 255;
  static constexpr uint32_t region_units_min = 4096;  // 64 KiB: what small blobs are cut from
  // By how much the file grows at most, doubled each time within a change. To fill it takes some
  // 2 ms for each mebibyte.
  static constexpr uint64_t step_bytes_min = uint64_t{2} << 20;
  static constexpr uint64_t step_bytes_max = uint64_t{64} << 20;

  [[nodiscard]] Result<layout::Ref> find_or_grow(uint32_t units);
  void note_touched(layout::Ref ref, uint32_t units);
  [[nodiscard]] bool take_small(uint32_t units, layout::Ref& ref);
  [[nodiscard]] bool split_small(uint32_t units, layout::Ref& ref);
  [[nodiscard]] bool take_region(uint32_t units);
  [[nodiscard]] bool take_large(uint32_t units, layout::Ref& ref);
  [[nodiscard]] Result<void> grow(uint32_t units);
  [[nodiscard]] Result<void> grow_ahead(uint32_t units, uint64_t disk_reserve_bytes);
  [[nodiscard]] uint64_t whole_pages(uint64_t end, uint64_t least) const;
  void add_grown(uint64_t bytes_before);
  [[nodiscard]] layout::Ref cut_to_line(layout::Ref start, uint32_t units);
  void add_small(Extent extent);
  void add_large(Extent extent);
  void remove_large(std::map<layout::Ref, uint32_t>::iterator stretch);
  // Joins neighbours among all that is free.
  void join();

  MemoryFile& file_;
  Extent region_;                                     // small blobs come from its start
  std::vector<std::vector<layout::Ref>> small_;       // by units
  std::map<layout::Ref, uint32_t> large_;             // stretches above small_units_max
  std::set<std::pair<uint32_t, layout::Ref>> sizes_;  // the same by size
  uint64_t small_units_ = 0;
  uint64_t large_units_ = 0;
  uint64_t released_since_join_ = 0;
  uint64_t step_bytes_ = step_bytes_min;
  uint64_t touched_pages_ = 0;
  uint64_t page_touched_last_ = 0;  // the first one is the header's
};

// What of the file is in use, a bit for each unit: filled while a file is checked at a start.
class Occupancy {
 public:
  explicit Occupancy(uint64_t file_bytes);
  // False if any of it is outside the file or taken already.
  [[nodiscard]] bool take(layout::Ref start, uint64_t bytes);
  // Of a unit within the file.
  [[nodiscard]] bool is_taken(layout::Ref unit) const {
    return (words_[unit / 64] >> (unit % 64) & 1) != 0;
  }
  // The stretches between.
  [[nodiscard]] std::vector<Extent> free_extents() const;

 private:
  uint64_t units_;
  std::vector<uint64_t> words_;
};

}  // namespace holdfast::zone
