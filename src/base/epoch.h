// SPDX-License-Identifier: GPL-3.0-or-later
// Epochs: how the one writer of zone memory learns that no reader can still see what it retired.
//
// The board lies in memory shared by all processes. A reader enters at the start of a batch and
// leaves at its end; in between it may follow references that it read from shared structures. The
// writer unlinks an object, calls `advance()`, and reuses the object's memory once
// `all_readers_beyond()` says so. A reader that died is cleared by its supervisor with `leave`.
// Bound: readers_max slots. Lock-free; a reader pays two stores and one fence a batch.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/check.h"

namespace holdfast {

class EpochBoard {
 public:
  static constexpr uint32_t readers_max = 264;  // 256 answer processes, 8 readers in control

  void enter(uint32_t reader) {
    CHECK(reader < readers_max);
    // Release, so that whoever sees this batch also knows the one before to be over.
    slots_[reader].epoch.store(current_.load(std::memory_order_acquire), std::memory_order_release);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  void leave(uint32_t reader) {
    CHECK(reader < readers_max);
    slots_[reader].epoch.store(idle, std::memory_order_release);
  }

  // Writer: begins a new epoch and returns it. What was unlinked before is free once all readers
  // are beyond the returned value.
  uint64_t advance() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return current_.fetch_add(1, std::memory_order_seq_cst) + 1;
  }
  [[nodiscard]] bool all_readers_beyond(uint64_t epoch) const {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (const Slot& slot : slots_) {
      const uint64_t seen = slot.epoch.load(std::memory_order_acquire);
      if (seen != idle && seen < epoch) return false;
    }
    return true;
  }

 private:
  static constexpr uint64_t idle = 0;
  struct alignas(64) Slot {
    std::atomic<uint64_t> epoch{idle};
  };

  alignas(64) std::atomic<uint64_t> current_{1};
  std::array<Slot, readers_max> slots_{};
};

static_assert(std::atomic<uint64_t>::is_always_lock_free, "shared between processes");

}  // namespace holdfast
