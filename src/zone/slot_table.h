// SPDX-License-Identifier: GPL-3.0-or-later
// The hash tables of zone memory: buckets of eight slots, each slot a 32-bit tag and a reference.
//
// The tag chooses the bucket too, so that a table is rebuilt in order without a look at what it
// refers to. A full bucket flows over into the next ones; a search ends at the first bucket with a
// slot that was never used, after `probe_buckets_max` at the latest. Removal leaves a grave where
// the bucket is full. Each slot is one 8-byte store: readers need no lock, and the writer may die
// at any point. Reading: any process. Writing: the writer of zone memory.
#pragma once

#include <optional>

#include "zone/layout.h"

#if defined(__has_feature)
#define HOLDFAST_RACES_ARE_TOLD __has_feature(thread_sanitizer)
#elif defined(__SANITIZE_THREAD__)
#define HOLDFAST_RACES_ARE_TOLD 1
#else
#define HOLDFAST_RACES_ARE_TOLD 0
#endif
// Part of every x86-64. Its loads are no atomics to the language, so that a race would be told.
#if defined(__SSE2__) && !HOLDFAST_RACES_ARE_TOLD
#define HOLDFAST_BUCKET_SSE2 1
#include <emmintrin.h>
#else
#define HOLDFAST_BUCKET_SSE2 0
#endif

namespace holdfast::zone {

constexpr size_t bucket_slots = 8;
// At the load at which tables are built, the longest search among 2^24 buckets reads 16; a name is
// found with 1.04 buckets read, and missed with 1.3. At the load at which they are built anew, with
// 1.05 and 1.37. An insertion that meets the bound makes the table grow.
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

// Of the slots of a bucket, a bit for each: which have the tag, and which were never used.
struct SlotMasks {
  uint32_t same = 0;
  uint32_t unused = 0;
};

[[nodiscard]] inline SlotMasks look_for(uint32_t tag, const Bucket& bucket) {
#if HOLDFAST_BUCKET_SSE2
  // Where in a bucket a tag stands cannot be predicted, so all are compared at once. Of the two
  // slots in 16 bytes each is read whole; what is found is read again by itself.
  const auto* pairs = static_cast<const float*>(static_cast<const void*>(bucket.slots.data()));
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag));
  const auto bits = [](__m128i lanes) {
    return static_cast<uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(lanes)));
  };
  const auto in_four = [&](const float* four) {
    const __m128 low = _mm_load_ps(four);
    const __m128 high = _mm_load_ps(four + 4);
    const __m128 refs = _mm_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0));
    const __m128i tags = _mm_castps_si128(_mm_shuffle_ps(low, high, _MM_SHUFFLE(3, 1, 3, 1)));
    const __m128i used = _mm_or_si128(tags, _mm_castps_si128(refs));
    return SlotMasks{bits(_mm_cmpeq_epi32(tags, wanted)),
                     bits(_mm_cmpeq_epi32(used, _mm_setzero_si128()))};
  };
  const SlotMasks first = in_four(pairs);
  const SlotMasks last = in_four(pairs + 8);
  return {first.same | last.same << 4, first.unused | last.unused << 4};
#else
  SlotMasks found;
  for (size_t i = 0; i < bucket_slots; ++i) {
    const uint64_t slot = layout::load_shared(bucket.slots[i]);
    found.same |= static_cast<uint32_t>(slot_tag(slot) == tag) << i;
    found.unused |= static_cast<uint32_t>(slot == 0) << i;
  }
  return found;
#endif
}

// The first reference with that tag among the slots `same` for which `is_match` holds, or 0.
template <typename IsMatch>
[[nodiscard]] layout::Ref find_among(uint32_t same, const Bucket& bucket, uint32_t tag,
                                     IsMatch&& is_match) {
  for (; same != 0; same &= same - 1) {
    const auto place = static_cast<size_t>(std::countr_zero(same));
    const uint64_t slot = layout::load_shared(bucket.slots[place]);
    if (slot_tag(slot) == tag && slot_ref(slot) != 0 && is_match(slot_ref(slot))) {
      return slot_ref(slot);
    }
  }
  return 0;
}

// The first reference with that tag for which `is_match` holds, or 0.
template <typename IsMatch>
[[nodiscard]] layout::Ref find_in_table(const uint8_t* base, TableRoot root, uint32_t tag,
                                        IsMatch&& is_match) {
  if (root.table == 0) return 0;
  const Bucket* bucket = layout::at<Bucket>(base, root.table) + root.bucket_of(tag);
  for (size_t probe = 0; probe < probe_buckets_max; ++probe, ++bucket) {
    const SlotMasks masks = look_for(tag, *bucket);
    const layout::Ref found = find_among(masks.same, *bucket, tag, is_match);
    if (found != 0) return found;
    if (masks.unused != 0) return 0;
  }
  return 0;
}

// What a tag's first bucket says by itself.
struct FirstLook {
  layout::Ref ref = 0;     // with that tag
  bool is_settled = true;  // false: none is here, but the next bucket may have one
};

// If it settles nothing, asks for the next bucket. That is rare for names that exist; among others
// it is one in four, and to wait for each of those would cost more than all the rest.
[[nodiscard]] inline FirstLook look_in_first_bucket(const uint8_t* base, TableRoot root,
                                                    uint32_t tag) {
  if (root.table == 0) return {};
  const Bucket* bucket = layout::at<Bucket>(base, root.table) + root.bucket_of(tag);
  const SlotMasks masks = look_for(tag, *bucket);
  const layout::Ref found = find_among(masks.same, *bucket, tag, [](layout::Ref) { return true; });
  if (found != 0 || masks.unused != 0) return {found, true};
  __builtin_prefetch(bucket + 1);
  return {0, false};
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
  [[nodiscard]] size_t bucket_count() const { return root_.table == 0 ? 0 : root_.all_buckets(); }
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
  // The bucket that it stands in, if it is there.
  [[nodiscard]] std::optional<size_t> bucket_of(uint32_t tag, layout::Ref ref) const;
  // Copies the references in those buckets of `from` into this table, which has none of them. False
  // as for insert.
  [[nodiscard]] bool fill_from(const SlotTable& from, size_t begin, size_t end);

  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (size_t i = 0; i < bucket_count(); ++i) {
      for (const uint64_t slot : buckets()[i].slots) {
        if (slot_ref(slot) != 0) visit(slot_tag(slot), slot_ref(slot));
      }
    }
  }

  // Calls visit(tag, ref) for each; what it returns takes the reference's place, 0 erases it.
  template <typename Visit>
  void update_each(Visit&& visit) {
    for (size_t i = 0; i < bucket_count(); ++i) {
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

  // Buckets for `slots` used slots, of a table that is built.
  [[nodiscard]] static uint32_t buckets_for(uint64_t slots);
  // With fewer it is to be built anew, whoever waits. By so much less that the first small change
  // after a load, which has filled its table to the brim, does not rebuild that of a million names.
  [[nodiscard]] static uint32_t fewest_buckets_for(uint64_t slots);
  // With fewer a larger one is to be prepared: half-way between the two, so that a load alone
  // prepares nothing, and as many names may still come while that is done.
  [[nodiscard]] static uint32_t ample_buckets_for(uint64_t slots);

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
