// SPDX-License-Identifier: GPL-3.0-or-later
// How many questions the XDP program has turned away at a queue, by the shield's orders.
//
// A worker that gives orders asks each tick: as long as something is turned away at the card, its
// own ease says nothing about the end of the flood. Counts what is dropped and what is answered
// there; never falls. Memory of the program, mapped before the fork. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>

#include "shield/xdp_gate_layout.h"

namespace holdfast::shield {

struct GateReading {
  const XdpGateCounters* counters = nullptr;
  size_t queue = 0;

  [[nodiscard]] uint64_t turned_away() const {
    const auto& packets = counters->packets[queue];
    uint64_t sum = 0;
    const auto add = [&](int reason) {
      sum += __atomic_load_n(&packets[reason], __ATOMIC_RELAXED);
    };
    add(xdp_replied_truncated);
    add(xdp_replied_cookie);
    for (int reason = xdp_dropped_proved; reason < xdp_gate_reasons; ++reason) add(reason);
    return sum;
  }
};

}  // namespace holdfast::shield
