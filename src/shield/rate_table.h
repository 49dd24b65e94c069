// SPDX-License-Identifier: GPL-3.0-or-later
// Rates by hashed source over the last second, in a table that cannot grow (source_layout.h).
//
// One writer; others may read. Sources that share an entry are counted together: with n packets a
// second from strangers an entry holds n / 131,072 of them. The way of a query asks for an entry's
// memory before it counts there.
#pragma once

#include <algorithm>
#include <cstdint>

#include "shield/source_layout.h"

namespace holdfast::shield {

// What an entry holds, for whoever only reads.
[[nodiscard]] inline uint32_t rate_at(const ShieldRateTable& table, uint32_t place,
                                      uint64_t now_ms) {
  const __u64 entry = SHIELD_LOAD(&table.entries[place]);
  const __u64 windows = ((now_ms >> SHIELD_WINDOW_SHIFT) - (entry >> 48)) & 0xffff;
  if (windows == 0) return shield_estimate(entry, now_ms);
  if (windows > 1) return 0;
  return shield_estimate((entry & SHIELD_COUNT_MAX) << 24, now_ms);
}

class RateTable {
 public:
  explicit RateTable(ShieldRateTable& table) : table_(table) {}

  void prefetch(uint32_t place) const { __builtin_prefetch(&table_.entries[place], 1); }

  // Counts one, and returns how many there were in the last second with it.
  uint32_t count(uint32_t place, uint64_t now_ms) {
    return shield_estimate(note(place, now_ms), now_ms);
  }
  // The same, for shield_rate_of.
  __u64 note(uint32_t place, uint64_t now_ms) {
    __u64& entry = table_.entries[place];
    const __u64 counted = with_one(SHIELD_LOAD(&entry), now_ms);
    SHIELD_STORE(&entry, counted);
    return counted;
  }
  // Counts one unless there have been `most` in this window; whether there have not.
  bool take(uint32_t place, uint32_t most, uint64_t now_ms) {
    __u64& entry = table_.entries[place];
    const __u64 counted = shield_count(SHIELD_LOAD(&entry), now_ms);
    if (shield_in_window(counted) > most) return false;
    SHIELD_STORE(&entry, counted);
    return true;
  }
  // The same with an amount, for what is measured in time.
  uint32_t add(uint32_t place, uint32_t amount, uint64_t now_ms) {
    if (amount == 0) return estimate(place, now_ms);
    __u64& entry = table_.entries[place];
    __u64 counted = shield_count(SHIELD_LOAD(&entry), now_ms);
    const __u64 room = SHIELD_COUNT_MAX - (counted & SHIELD_COUNT_MAX);
    counted += std::min<__u64>(amount - 1, room);
    SHIELD_STORE(&entry, counted);
    return shield_estimate(counted, now_ms);
  }
  [[nodiscard]] uint32_t estimate(uint32_t place, uint64_t now_ms) const {
    return rate_at(table_, place, now_ms);
  }

 private:
  // shield_count, shorter for one that has been counted in this window before.
  [[nodiscard]] static __u64 with_one(__u64 entry, uint64_t now_ms) {
    const bool is_of_window = entry >> 48 == ((now_ms >> SHIELD_WINDOW_SHIFT) & 0xffff);
    if (is_of_window && (entry & SHIELD_COUNT_MAX) != SHIELD_COUNT_MAX) return entry + 1;
    return shield_count(entry, now_ms);
  }

  ShieldRateTable& table_;
};

}  // namespace holdfast::shield
