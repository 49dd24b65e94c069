// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/refusal_table.h"

namespace holdfast::shield {

namespace {
constexpr auto relaxed = std::memory_order_relaxed;
}

bool RefusalTable::refuses(Bytes packet, uint64_t now_ns) const {
  const Likeness likeness = likeness_of(packet, key_);
  for (const Entry& entry : entries_) {
    const uint64_t hash = entry.hash.load(std::memory_order_acquire);
    if (hash == 0 || entry.until_ns.load(relaxed) <= now_ns) continue;
    for (size_t i = 0; i < likeness.count; ++i) {
      if (likeness.marks[i].hash == hash) return true;
    }
  }
  return false;
}

void RefusalTable::enter(const Refusal& refusal) {
  Entry* place = nullptr;
  for (Entry& entry : entries_) {
    const uint64_t hash = entry.hash.load(relaxed);
    if (hash == refusal.mark.hash) {
      entry.until_ns.store(refusal.until_ns, relaxed);
      return;
    }
    // An unused entry ended at time 0 and so comes before all others.
    if (place == nullptr || entry.until_ns.load(relaxed) < place->until_ns.load(relaxed)) {
      place = &entry;
    }
  }
  const bool was_unused = place->hash.load(relaxed) == 0;
  place->until_ns.store(refusal.until_ns, relaxed);
  place->hash.store(refusal.mark.hash, std::memory_order_release);
  if (was_unused) used_.store(used_.load(relaxed) + 1, relaxed);
}

void RefusalTable::expire(uint64_t now_ns) {
  for (Entry& entry : entries_) {
    if (entry.hash.load(relaxed) == 0 || entry.until_ns.load(relaxed) > now_ns) continue;
    entry.hash.store(0, relaxed);
    entry.until_ns.store(0, relaxed);
    used_.store(used_.load(relaxed) - 1, relaxed);
  }
}

}  // namespace holdfast::shield
