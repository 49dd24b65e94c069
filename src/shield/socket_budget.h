// SPDX-License-Identifier: GPL-3.0-or-later
// How many datagrams of strangers a second may come as far as a worker's sockets, under overload.
//
// Where no card sheds, the kernel receives the whole flood on the worker's core, and each datagram
// that reaches a queue costs the worker as much again, whatever becomes of it. So a filter before
// the queues (socket_filter.h) lets through as many strangers as there is time to answer, or to
// send to TCP: more while core and queues have room, less when they have not. Steered five times a
// second, when the core's rest is told; the first time at once. Pure; never allocates. Thread: the
// worker's.
#pragma once

#include <cstdint>

#include "shield/card_budgets.h"
#include "shield/source_layout.h"

namespace holdfast::shield {

// What was seen since the last tick.
struct SocketReading {
  uint32_t strangers = 0;  // datagrams of theirs that were received
  uint32_t others = 0;     // datagrams of those who are known or proved
  uint64_t filtered = 0;   // what the filter kept away, of strangers
  uint32_t lost = 0;       // by the kernel for want of room, of anybody's
  uint32_t core_idle_permille = CardReading::not_told;
  uint32_t worker_idle_permille = 0;
  bool is_pressed = false;  // a queue was too full
};

class SocketBudget {
 public:
  static constexpr uint32_t passes_min = 2'000;
  static constexpr uint32_t passes_max = 16'000'000;
  static constexpr uint64_t steer_ns = 200'000'000;

  // While the worker is overloaded.
  void tick(uint64_t span_ns, const SocketReading& reading);
  // It is not.
  void end() { *this = SocketBudget(); }

  // Of strangers' datagrams, of SHIELD_SHARE_ONE: all of them if no filter is needed.
  [[nodiscard]] uint32_t share() const { return share_; }
  // A second; 0: not limited yet.
  [[nodiscard]] uint32_t passes() const { return passes_; }

 private:
  void steer();

  uint32_t share_ = SHIELD_SHARE_ONE;
  uint32_t passes_ = 0;
  // Since it was steered last.
  uint64_t span_ns_ = 0;
  uint64_t strangers_ = 0;
  uint64_t others_ = 0;
  uint64_t filtered_ = 0;
  uint64_t lost_ = 0;
  uint64_t idle_span_ns_ = 0;  // the worker's own rest, where nobody tells the core's
  uint32_t core_idle_ = CardReading::not_told;
  bool is_pressed_ = false;
};

}  // namespace holdfast::shield
