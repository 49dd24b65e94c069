// SPDX-License-Identifier: GPL-3.0-or-later
// What the program at the card may spend on strangers: cheap answers, and TCP connections begun.
//
// A cheap answer costs the kernel some 0.3 us, an answer by user space from 1.2 to 8: so under
// overload as many are allowed as the core has time for, and the budget follows what the core is
// measured to have left. SYNs are limited while more come than a worker could ever serve, whether
// questions are too many or not. Pure; never allocates. Thread: the worker's.
#pragma once

#include <cstdint>

namespace holdfast::shield {

// What was seen since the last tick.
struct CardReading {
  static constexpr uint32_t not_told = ~0U;
  // Of the worker's core, in permille, the kernel's receiving thread counted as work; not told in
  // most ticks.
  uint32_t core_idle_permille = not_told;
  uint64_t replied = 0;  // cheap answers
  uint64_t syns = 0;
};

class CardBudgets {
 public:
  static constexpr uint32_t replies_start = 1'000'000;  // a second: a quarter of a core
  static constexpr uint32_t replies_min = 50'000;
  static constexpr uint32_t replies_max = 8'000'000;
  // What a worker can serve at its best; who sends more does not want to be served.
  static constexpr uint32_t syns_many = 20'000;
  static constexpr uint32_t syns_start = 5'000;
  static constexpr uint32_t syns_min = 1'000;
  static constexpr uint64_t syn_release_ns = 5'000'000'000;

  void tick(uint64_t now_ns, uint64_t span_ns, const CardReading& reading);

  // A second, while there is overload.
  [[nodiscard]] uint32_t replies() const { return replies_; }
  // Of strangers, a second; 0: not limited.
  [[nodiscard]] uint32_t syns() const { return syns_; }

 private:
  void steer_replies(const CardReading& reading);
  void steer_syns(uint64_t now_ns, uint64_t span_ns, const CardReading& reading);

  uint32_t replies_ = replies_start;
  uint32_t syns_ = 0;
  uint64_t replied_ = 0;  // since idleness was told last
  uint64_t replied_for_ns_ = 0;
  uint64_t syns_seen_ns_ = 0;  // when there were too many last
};

}  // namespace holdfast::shield
