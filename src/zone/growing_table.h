// SPDX-License-Identifier: GPL-3.0-or-later
// A hash table of zone memory and, at times, the larger one that is about to take its place.
//
// The larger one is cleared and filled in steps, between changes or, where one cannot wait, within
// it. What is inserted, replaced or erased meanwhile is so in both, from when its bucket has been
// copied. Nothing in the file refers to the larger one before its owner has stored its root: no
// reader sees it, and a writer that dies leaves nothing of it but free space.
// Owner: the writer of zone memory.
#pragma once

#include "base/check.h"
#include "base/error.h"
#include "zone/slot_table.h"

namespace holdfast::zone {

class GrowingTable {
 public:
  GrowingTable(uint8_t* base, TableRoot root) : base_(base), now_(base, root) {}

  // The one in service.
  [[nodiscard]] const SlotTable& now() const { return now_; }
  [[nodiscard]] TableRoot root() const { return now_.root(); }
  // Counts anew, after a start.
  void count() { now_.count(); }

  // As those of SlotTable.
  [[nodiscard]] bool insert(uint32_t tag, layout::Ref ref);
  void replace(uint32_t tag, layout::Ref from, layout::Ref to);
  bool erase(uint32_t tag, layout::Ref ref);
  template <typename Visit>
  void update_each(Visit&& visit) {
    CHECK(!is_growing());
    now_.update_each(std::forward<Visit>(visit));
  }

  // The larger one, whose bytes may be any. None may be there yet.
  void begin(TableRoot larger);
  [[nodiscard]] bool is_growing() const { return larger_.has_value(); }
  [[nodiscard]] TableRoot larger_root() const { return larger_->root(); }
  // Clears so many bytes of it, or copies so many into it. `failed`: it cannot hold them all. An
  // error: it has no pages to write to. After either there is nothing to do but to give it up.
  enum class Step : uint8_t { unfinished, finished, failed };
  [[nodiscard]] Result<Step> step(uint64_t bytes);
  // Whether it holds all, after as many steps as that takes.
  [[nodiscard]] Result<bool> finish();
  // When it is finished, it is the one in service from here on; returns the one before.
  TableRoot take_over();
  // There is no larger one any more; returns the one that there was.
  TableRoot give_up();
  // Of the last one that was given up because it could not hold them all, since the one in service
  // is; 0: there was none.
  [[nodiscard]] uint32_t too_few_buckets() const { return too_few_buckets_; }

 private:
  [[nodiscard]] bool is_copied(uint32_t tag, layout::Ref ref) const;

  uint8_t* base_;
  SlotTable now_;
  std::optional<SlotTable> larger_;
  uint64_t cleared_bytes_ = 0;  // of the larger one
  size_t copied_buckets_ = 0;   // of the one in service
  bool is_failed_ = false;      // something had no place in the larger one
  uint32_t too_few_buckets_ = 0;
};

}  // namespace holdfast::zone
