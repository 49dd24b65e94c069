// SPDX-License-Identifier: GPL-3.0-or-later
// What the XDP program has done at a queue by the shield's orders.
//
// A worker that gives orders asks each tick: as long as something is turned away at the card, its
// own ease says nothing about the end of the flood. Counts what is dropped and what is answered
// there, and SYNs; never falls. Memory of the program, mapped before the fork. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>

#include "shield/xdp_gate_layout.h"

namespace holdfast::shield {

struct GateReading {
  const XdpGateCounters* counters = nullptr;
  size_t queue = 0;

  [[nodiscard]] uint64_t turned_away() const {
    uint64_t sum = replied();
    for (int reason = xdp_dropped_proved; reason < xdp_gate_reasons; ++reason) sum += of(reason);
    return sum;
  }
  [[nodiscard]] uint64_t replied() const {
    return of(xdp_replied_truncated) + of(xdp_replied_cookie) + of(xdp_replied_nxdomain);
  }
  // Questions for names that do not exist, in zones under attack.
  [[nodiscard]] uint64_t denied() const { return of(xdp_replied_nxdomain); }
  // Those let through and those dropped.
  [[nodiscard]] uint64_t syns() const { return of(xdp_passed_syn) + of(xdp_dropped_syn); }

 private:
  [[nodiscard]] uint64_t of(int reason) const {
    return __atomic_load_n(&counters->packets[queue][reason], __ATOMIC_RELAXED);
  }
};

}  // namespace holdfast::shield
