// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps the filter of existing names filled from the zones that are under attack.
//
// The XDP program asks it (shield/name_filter.h): in these zones, names that do not exist are a
// class of their own. No name that exists may be missed, so before anything in zone memory changes,
// `suspend` says that every name exists; the next `follow` fills the filter again, at most once a
// second. Filling takes some 0.2 s for a million names, and at most so many times a second as that
// leaves nine tenths of the time. Thread: `follow` the one that writes zone memory; `suspend` any.
#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "base/clock.h"
#include "shield/name_filter.h"
#include "wire/name.h"
#include "zone/memory.h"

namespace holdfast::control {

class NameFilterKeeper {
 public:
  static constexpr uint64_t pause_ms = 1000;

  NameFilterKeeper(NameFilter& filter, const zone::Memory& memory, const Clock& clock)
      : filter_(filter), memory_(memory), clock_(clock) {}

  // The apexes of the zones that are under attack now, in any order.
  void follow(std::span<const wire::Name> attacked);
  void suspend();

 private:
  struct Held {
    wire::Name apex;
    uint32_t generation = 0;
    friend bool operator==(const Held& a, const Held& b) {
      return a.apex.view() == b.apex.view() && a.generation == b.generation;
    }
  };
  void fill(std::span<const Held> zones);
  [[nodiscard]] std::vector<wire::Name> zones_below(wire::NameView apex) const;

  NameFilter& filter_;
  const zone::Memory& memory_;
  const Clock& clock_;
  std::vector<Held> held_;
  std::atomic<uint64_t> changes_{0};  // of zone memory
  uint64_t filled_at_change_ = 0;
  uint64_t due_ms_ = 0;
};

}  // namespace holdfast::control
