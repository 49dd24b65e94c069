// SPDX-License-Identifier: GPL-3.0-or-later
// The hash tables of zone memory: buckets of eight slots, each slot a 32-bit tag and a reference.
//
// The tag chooses the bucket too, so that a table is rebuilt in order without a look at what it
// refers to. A full bucket flows over into the next ones; a search ends at the first bucket with a
// slot that was never used, after `probe_buckets_max` at the latest. Removal leaves a grave where
// the bucket is full. Each slot is one 8-byte store: readers need no lock, and the writer may die
// at any point. Reading: any process. Writing: the writer of zone memory.
#pragma once

#include "zone/layout.h"

namespace holdfast::zone {

constexpr size_t bucket_slots = 8;
// At the load that reserve() keeps, the longest search among 2^24 buckets reads 16; a name is found
// with 1.04 buckets read, and missed with 1.3. An insertion that meets the bound makes the
// table grow.
constexpr size_t probe_buckets_max = 32;

struct alignas(64) Bucket {
  std::array<uint64_t, bucket_slots> slots;  // shared; tag << 32 | reference; 0: never used
};

// A table as its root word names it: the reference in the upper half, buckets in the lower.
struct TableRoot {
  layout::Ref table = 0;
  uint32_t buckets = 0;  // that tags choose; probe_buckets_max - 1 follow them

  [[nodiscard]] static TableRoot from_word(uint64_t word) {
    return {static_cast<layout::Ref>(word >> 32), static_cast<uint32_t>(word)};
  }
  [[nodiscard]] uint64_t to_word() const { return (uint64_t{table} << 32) | buckets; }
  [[nodiscard]] size_t bucket_of(uint32_t tag) const { return (uint64_t{tag} * buckets) >> 32; }
  [[nodiscard]] size_t all_buckets() const { return size_t{buckets} + probe_buckets_max - 1; }
  [[nodiscard]] uint64_t bytes() const { return all_buckets() * sizeof(Bucket); }
};

constexpr uint64_t grave_slot = uint64_t{1} << 32;  // used once, refers to nothing

[[nodiscard]] constexpr uint32_t slot_tag(uint64_t slot) {
  return static_cast<uint32_t>(slot >> 32);
}
[[nodiscard]] constexpr layout::Ref slot_ref(uint64_t slot) {
  return static_cast<layout::Ref>(slot);
}

// The first reference with that tag for which `is_match` holds, or 0.
template <typename IsMatch>
[[nodiscard]] layout::Ref find_in_table(const uint8_t* base, TableRoot root, uint32_t tag,
                                        IsMatch&& is_match) {
  if (root.table == 0) return 0;
  const Bucket* bucket = layout::at<Bucket>(base, root.table) + root.bucket_of(tag);
  for (size_t probe = 0; probe < probe_buckets_max; ++probe, ++bucket) {
    bool ends_here = false;
    for (const uint64_t& shared_slot : bucket->slots) {
      const uint64_t slot = layout::load_shared(shared_slot);
      if (slot_tag(slot) == tag && slot_ref(slot) != 0 && is_match(slot_ref(slot))) {
        return slot_ref(slot);
      }
      ends_here |= slot == 0;
    }
    if (ends_here) return 0;
  }
  return 0;
}

inline void prefetch_bucket(const uint8_t* base, TableRoot root, uint32_t tag) {
  if (root.table == 0) return;
  __builtin_prefetch(layout::at<Bucket>(base, root.table) + root.bucket_of(tag));
}

// The writer's side of one table.
class SlotTable {
 public:
  SlotTable() = default;
  SlotTable(uint8_t* base, TableRoot root) : base_(base), root_(root) {}

  [[nodiscard]] TableRoot root() const { return root_; }
  // Slots that are not "never used", graves included.
  [[nodiscard]] uint64_t used() const { return used_; }
  [[nodiscard]] uint64_t graves() const { return graves_; }
  // Counts anew, after a start.
  void count();

  // False if no slot within the bound of probes is free: the table must grow.
  [[nodiscard]] bool insert(uint32_t tag, layout::Ref ref);
  // Puts `to` in the place of `from`, which must be there.
  void replace(uint32_t tag, layout::Ref from, layout::Ref to);
  // False if it is not there.
  bool erase(uint32_t tag, layout::Ref ref);
  [[nodiscard]] bool contains(uint32_t tag, layout::Ref ref) const;
  // Copies all references of `from` into this empty table. False as for insert.
  [[nodiscard]] bool fill_from(const SlotTable& from);

  // Calls visit(tag, ref) for each; what it returns takes the reference's place, 0 erases it.
  template <typename Visit>
  void update_each(Visit&& visit) {
    if (root_.table == 0) return;
    for (size_t i = 0; i < root_.all_buckets(); ++i) {
      for (uint64_t& slot : buckets()[i].slots) {
        if (slot_ref(slot) == 0) continue;
        const layout::Ref kept = visit(slot_tag(slot), slot_ref(slot));
        if (kept == slot_ref(slot)) continue;
        if (kept == 0) {
          clear(buckets()[i], slot);
        } else {
          layout::store_shared(slot, (uint64_t{slot_tag(slot)} << 32) | kept);
        }
      }
    }
  }

  // Buckets for `slots` used slots at the load that is kept.
  [[nodiscard]] static uint32_t buckets_for(uint64_t slots);

 private:
  [[nodiscard]] Bucket* buckets() const { return layout::at<Bucket>(base_, root_.table); }
  [[nodiscard]] uint64_t* find_slot(uint32_t tag, layout::Ref ref) const;
  void clear(Bucket& bucket, uint64_t& slot);

  uint8_t* base_ = nullptr;
  TableRoot root_;
  uint64_t used_ = 0;
  uint64_t graves_ = 0;
};

}  // namespace holdfast::zone
