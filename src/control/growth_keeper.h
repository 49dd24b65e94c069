// SPDX-License-Identifier: GPL-3.0-or-later
// Has the tables of zone memory grow ahead of need, so that no change waits for it.
//
// A step takes some ms (zone::Memory::grow_ahead); between two of them whatever is due is done.
// Where there is no room for a larger table, or it does not hold what it is to, it is tried again
// after `retry_ns`, and told once until a table has been replaced.
// Thread: the one that writes zone memory.
#pragma once

#include "base/clock.h"
#include "zone/memory.h"

namespace holdfast::control {

class GrowthKeeper {
 public:
  static constexpr uint64_t retry_ns = 300'000'000'000;

  GrowthKeeper(zone::Memory& memory, const Clock& clock) : memory_(memory), clock_(clock) {}

  // Takes a step if there is one to take. True: the next one should follow at once.
  bool step();
  // How often there was no room.
  [[nodiscard]] uint64_t postponed() const { return postponed_; }

 private:
  zone::Memory& memory_;
  const Clock& clock_;
  uint64_t postponed_ = 0;
  uint64_t retry_at_ns_ = 0;
  uint64_t replaced_ = 0;  // tables, when it was last looked at
  bool is_told_ = false;
};

}  // namespace holdfast::control
