// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/slot_table.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::zone {

namespace {

constexpr uint64_t load_percent = 66;
constexpr uint64_t load_percent_ample = 67;
constexpr uint64_t load_percent_max = 68;
constexpr uint64_t buckets_min = 8;

uint32_t buckets_at(uint64_t percent, uint64_t slots) {
  const uint64_t buckets = slots * 100 / (percent * bucket_slots) + 1;
  return static_cast<uint32_t>(std::max(buckets, buckets_min));
}

}  // namespace

uint32_t SlotTable::buckets_for(uint64_t slots) { return buckets_at(load_percent, slots); }

uint32_t SlotTable::fewest_buckets_for(uint64_t slots) {
  return buckets_at(load_percent_max, slots);
}

uint32_t SlotTable::ample_buckets_for(uint64_t slots) {
  return buckets_at(load_percent_ample, slots);
}

void SlotTable::count() {
  used_ = 0;
  graves_ = 0;
  for (size_t i = 0; i < bucket_count(); ++i) {
    for (const uint64_t slot : buckets()[i].slots) {
      if (slot != 0) ++used_;
      if (slot == grave_slot) ++graves_;
    }
  }
}

bool SlotTable::insert(uint32_t tag, layout::Ref ref) {
  if (root_.table == 0) return false;
  Bucket* bucket = buckets() + root_.bucket_of(tag);
  for (size_t probe = 0; probe < probe_buckets_max; ++probe, ++bucket) {
    for (uint64_t& slot : bucket->slots) {
      if (slot_ref(slot) != 0) continue;
      if (slot == 0) {
        ++used_;
      } else {
        --graves_;
      }
      layout::store_shared(slot, (uint64_t{tag} << 32) | ref);
      return true;
    }
  }
  return false;
}

uint64_t* SlotTable::find_slot(uint32_t tag, layout::Ref ref) const {
  if (root_.table == 0) return nullptr;
  Bucket* bucket = buckets() + root_.bucket_of(tag);
  const uint64_t wanted = (uint64_t{tag} << 32) | ref;
  for (size_t probe = 0; probe < probe_buckets_max; ++probe, ++bucket) {
    bool ends_here = false;
    for (uint64_t& slot : bucket->slots) {
      if (slot == wanted) return &slot;
      ends_here |= slot == 0;
    }
    if (ends_here) return nullptr;
  }
  return nullptr;
}

void SlotTable::replace(uint32_t tag, layout::Ref from, layout::Ref to) {
  uint64_t* slot = find_slot(tag, from);
  CHECK(slot != nullptr);
  layout::store_shared(*slot, (uint64_t{tag} << 32) | to);
}

std::optional<size_t> SlotTable::bucket_of(uint32_t tag, layout::Ref ref) const {
  const uint64_t* slot = find_slot(tag, ref);
  if (slot == nullptr) return std::nullopt;
  return static_cast<size_t>(slot - buckets()->slots.data()) / bucket_slots;
}

bool SlotTable::erase(uint32_t tag, layout::Ref ref) {
  uint64_t* slot = find_slot(tag, ref);
  if (slot == nullptr) return false;

  const auto index = static_cast<size_t>(slot - buckets()->slots.data()) / bucket_slots;
  clear(buckets()[index], *slot);
  return true;
}

void SlotTable::clear(Bucket& bucket, uint64_t& slot) {
  const bool ends_here = std::ranges::find(bucket.slots, uint64_t{0}) != bucket.slots.end();
  if (ends_here) {  // no search goes beyond this bucket, with or without the slot
    --used_;
    layout::store_shared(slot, uint64_t{0});
  } else {
    ++graves_;
    layout::store_shared(slot, grave_slot);
  }
}

bool SlotTable::fill_from(const SlotTable& from, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    for (const uint64_t slot : from.buckets()[i].slots) {
      if (slot_ref(slot) != 0 && !insert(slot_tag(slot), slot_ref(slot))) return false;
    }
  }
  return true;
}

}  // namespace holdfast::zone
