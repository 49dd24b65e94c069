// SPDX-License-Identifier: GPL-3.0-or-later
// Searches one section of a zone version's ordered index: nodes in canonical order, in chunks.
//
// "Usable" nodes are those that carry the zone's denial records: NSEC, or the NSEC3 of the zone's
// parameters. Bits in the chunks find them, so that a search costs the same however many names
// without such records (glue below a delegation) lie between. Thread: any; allocates nothing.
#pragma once

#include <optional>

#include "zone/layout.h"
#include "zone/order_key.h"

namespace holdfast::zone {

class OrderedIndex {
 public:
  OrderedIndex(const uint8_t* base, const layout::Section& section)
      : base_(base), section_(section) {}

  [[nodiscard]] size_t size() const { return section_.nodes; }
  [[nodiscard]] layout::Ref at(size_t position) const;
  // Of the first node at or after `key`; size() if there is none.
  [[nodiscard]] size_t position_of(const OrderKey& key) const;

  struct Found {
    layout::Ref node = 0;
    bool exact = false;
  };
  // The usable node at `key` or the last before it, or, if there is none, the last of all. Nothing
  // if no node is usable. Only for a section with keyed chunks.
  [[nodiscard]] std::optional<Found> usable_at_or_before(const OrderKey& key) const;

  [[nodiscard]] const layout::TopEntry* top() const {
    return layout::at<layout::TopEntry>(base_, section_.top);
  }
  // The last chunk that begins at or before `key`; 0 if none does.
  [[nodiscard]] size_t chunk_for(const OrderKey& key) const;

 private:
  [[nodiscard]] const layout::Chunk* chunk(size_t index) const {
    return layout::at<layout::Chunk>(base_, top()[index].chunk);
  }
  [[nodiscard]] int compare_with_node(const OrderKey& key, layout::Ref node) const;
  // How many nodes of the chunk are at or before `key`, which is not before the first one.
  [[nodiscard]] size_t count_to(const OrderKey& key, size_t chunk_index, bool& exact) const;
  [[nodiscard]] Found last_usable_to(size_t chunk_index) const;

  const uint8_t* base_;
  const layout::Section& section_;
};

}  // namespace holdfast::zone
