// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps in the nodes of cuts where the newest nodes of their servers are, as names are linked.
//
// So a referral is found with its glue, without a look-up for each server. A place holds what the
// slot of that name in the name table holds, or 0; only nodes below a cut, so none that says that
// the name is gone: those leave the table by themselves. Whoever changes a slot tells it here right
// after, so that a node that is replaced is in no place any more when it is retired; only cuts that
// were replaced before or with it still name it, and readers of those are gone by then. For one
// change, whose names come in canonical order. Owner: the writer of zone memory.
#pragma once

#include "zone/memory_tables.h"

namespace holdfast::zone {

class GluePlaces {
 public:
  GluePlaces(uint8_t* base, const MemoryTables& tables) : base_(base), tables_(tables) {}

  // The name of `ref` is found as `now` from now on; 0: it is not in the table any more.
  void follow(layout::Ref ref, layout::Ref now);
  // The cut at `ref` has been linked: looks its servers up. Not worth it before they are there, in
  // a zone that is new.
  void fill(layout::Ref ref);

 private:
  [[nodiscard]] layout::Node* node_at(layout::Ref ref) const {
    return layout::at<layout::Node>(base_, ref);
  }
  [[nodiscard]] layout::Ref cut_above(const layout::Node* node);
  [[nodiscard]] layout::Ref present(layout::Ref node) const;

  uint8_t* base_;
  const MemoryTables& tables_;
  layout::Ref last_cut_ = 0;
};

}  // namespace holdfast::zone
