// SPDX-License-Identifier: GPL-3.0-or-later
// The packets that are refused for now because their like has killed workers (query of death).
//
// Lies in memory that the processes share; made, and given its key, by the supervisor before it
// forks. One writer, the supervisor; any number of readers, which neither lock nor write. While the
// table is empty a reader pays one relaxed load. Bound: entries_max; when it is full the entry that
// would end first makes room.
//
// In the way of a query, before anything else reads the packet:
//   if (!refusals.empty() && refusals.refuses(packet, now_ns)) { count; drop; }
#pragma once

#include <atomic>

#include "shield/likeness.h"

namespace holdfast::shield {

struct Refusal {
  LikenessMark mark;
  uint64_t until_ns = 0;  // monotonic
};

class RefusalTable {
 public:
  // Each is the work of at least two crashes; more at once means that the program is unfit.
  static constexpr size_t entries_max = 64;

  // Before others see the table.
  void set_key(const LikenessKey& key) { key_ = key; }
  [[nodiscard]] const LikenessKey& key() const { return key_; }

  // Readers. `now_ns` is monotonic time; that of the batch will do.
  [[nodiscard]] bool empty() const { return used_.load(std::memory_order_relaxed) == 0; }
  [[nodiscard]] bool refuses(Bytes packet, uint64_t now_ns) const;

  // The writer. `enter` prolongs an entry that is there already.
  void enter(const Refusal& refusal);
  // Removes what has ended, so that the table becomes empty again. Call it each second.
  void expire(uint64_t now_ns);

  [[nodiscard]] size_t size() const { return used_.load(std::memory_order_relaxed); }

 private:
  // A reader may see the hash of one entry with the time of the one that it replaces. Both are
  // refused at that moment, so no innocent packet suffers.
  struct Entry {
    std::atomic<uint64_t> hash{0};  // 0: unused
    std::atomic<uint64_t> until_ns{0};
  };

  LikenessKey key_{};
  alignas(64) std::atomic<uint32_t> used_{0};
  std::array<Entry, entries_max> entries_{};
};

}  // namespace holdfast::shield
