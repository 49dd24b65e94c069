// SPDX-License-Identifier: GPL-3.0-or-later
// Checks a file of zone memory from an earlier run, takes half-published versions back, and tells
// what of the file is in use.
//
// Everything that a reader could follow is bounds-checked first. Readers of the same boot may be at
// work meanwhile: what a version from before could still show them is retired, not cleared.
// Owner: the writer of zone memory, while it opens the file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "zone/allocator.h"
#include "zone/memory_tables.h"
#include "zone/retirement.h"

namespace holdfast::zone {

class Recovery {
 public:
  explicit Recovery(const MemoryFile& file);

  // What is wrong with the file, or nothing. Changes nothing.
  [[nodiscard]] std::optional<std::string> check();

  // After a good check. Clears the name table of what was never published, and retires what was
  // replaced or removed. False if the table does not fit the zones: the file is damaged.
  [[nodiscard]] bool settle_names(MemoryTables& tables, Retirement& retirement);
  // After that. Forgets of each cut's glue what was never published.
  void settle_glue(uint8_t* base) const;
  // Gives back all that no zone uses, once readers are beyond it.
  void free_the_rest(Retirement& retirement) const;

  [[nodiscard]] uint64_t nodes() const { return nodes_; }
  [[nodiscard]] uint64_t records() const { return records_; }

 private:
  [[nodiscard]] bool fits(layout::Ref ref, uint64_t bytes) const;
  [[nodiscard]] bool take(layout::Ref ref, uint64_t bytes);
  [[nodiscard]] bool table_is_sound(uint64_t root_word);
  [[nodiscard]] bool zone_is_sound(uint32_t tag, layout::Ref ref);
  [[nodiscard]] bool version_is_sound(const layout::Zone* zone, layout::Ref zone_ref);
  [[nodiscard]] bool section_is_sound(const layout::Section& section, layout::Ref zone_ref);
  [[nodiscard]] bool chunk_is_sound(const layout::TopEntry& entry, layout::Ref zone_ref);
  [[nodiscard]] bool usable_bits_are_sound(const layout::Chunk* chunk) const;
  [[nodiscard]] bool published_node_is_sound(layout::Ref ref, layout::Ref zone_ref);
  [[nodiscard]] layout::Ref settled_head(uint32_t tag, layout::Ref head, Retirement& retirement);

  template <typename T>
  [[nodiscard]] const T* at(layout::Ref ref) const {
    return layout::at<T>(base_, ref);
  }

  const uint8_t* base_;
  uint64_t bytes_;
  Occupancy used_;
  Occupancy named_nodes_;                // the first unit of each published one
  std::vector<layout::Ref> zones_;       // sorted
  std::vector<layout::Ref> with_older_;  // published nodes that link to an older one
  std::vector<layout::Ref> with_glue_;   // published nodes that say where their glue is
  uint32_t generation_ = 0;              // of the version that is being checked
  uint64_t nodes_ = 0;
  uint64_t records_ = 0;
  // Sums over the published names and their slots, which must come out alike.
  uint64_t names_ = 0;
  uint64_t names_digest_ = 0;
  bool names_are_sound_ = true;
};

}  // namespace holdfast::zone
