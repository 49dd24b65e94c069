// SPDX-License-Identifier: GPL-3.0-or-later
// Whether what is offered to a worker is more than it can do, or it only stood still for a moment.
//
// A queue runs over in either case. A host that takes the processor away for some milliseconds does
// not say so, the thread's own clocks go on, and what waits afterwards looks like a flood. But a
// stall offers nothing more: questions a second, with what was lost and what was shed counted as if
// answered, are what they were when all was answered. So the worker remembers what it has carried
// with ease. Pressure is no overload while no more than that is offered, for a bounded time, of
// which ease gives back a part of its own length: so pulses have a small share of all time.
// An overload is over when no more than that is offered, or when the core has room for all of it by
// what a question costs. If an end was too early, the next one takes longer each time: a flood does
// not get in again and again. Pure: time comes in. Never allocates. Thread: the worker's.
#pragma once

#include <cstdint>

#include "shield/card_budgets.h"

namespace holdfast::shield {

// What was seen since the last tick.
struct OfferedReading {
  uint64_t span_ns = 0;
  uint64_t offered = 0;        // questions, whatever became of them
  uint64_t answered = 0;       // of these, in full, by the worker
  uint32_t busy_permille = 0;  // of the worker's time
  uint32_t core_idle_permille = CardReading::not_told;
  bool is_at_ease = false;  // nothing was lost, and the queues were emptied
};

class OfferedLoad {
 public:
  // A span of ease as long as this shows that its rate can be carried: at some percent more than
  // what can be done, a ring of 2,048 would have run over.
  static constexpr uint64_t proof_ns = 100'000'000;
  // So long queues may stand, lose, or leave no rest for no more than that: at 85 % of what can be
  // done, full queues of sockets take it to be worked off.
  static constexpr uint64_t excused_ns = 150'000'000;
  // Of this, ease gives back so large a part of the time that it lasts.
  static constexpr uint64_t given_back_parts = 16;
  // After so much ease an overload may end.
  static constexpr uint64_t hold_min_ns = 60'000'000;
  static constexpr uint64_t hold_max_ns = 5'000'000'000;
  // One that begins again so soon was over too early.
  static constexpr uint64_t relapse_ns = 2'000'000'000;

  // While there is no overload.
  void tick_quiet(const OfferedReading& reading);
  // What presses now is what a stall has left behind: no more is offered than was carried before.
  [[nodiscard]] bool is_excused() const;

  void begin_overload(uint64_t now_ns);
  // While there is one, at any level. True if it may end: what is offered can be answered.
  [[nodiscard]] bool tick_overloaded(uint64_t now_ns, const OfferedReading& reading);
  // It does end, for that reason.
  void end_overload(uint64_t now_ns);

  // Questions a second that it has answered with ease, or the core has room for.
  [[nodiscard]] uint64_t carried() const { return carried_; }

 private:
  struct Sum {
    uint64_t span_ns = 0;
    uint64_t offered = 0;
    uint64_t answered = 0;
    uint64_t busy_ns = 0;
    void add(const OfferedReading& reading);
    [[nodiscard]] uint64_t offered_a_second() const;
  };

  void grow_old(uint64_t span_ns);
  void note_ease(const OfferedReading& reading);
  void note_pressure(const OfferedReading& reading);
  void note_flood(uint64_t now_ns, uint64_t offered_a_second);
  void weigh(const OfferedReading& reading);
  [[nodiscard]] bool is_within_reach(uint64_t now_ns, uint64_t offered_a_second) const;

  uint64_t carried_ = 0;
  uint64_t aged_ns_ = 0;     // since it last lost a part
  Sum ease_;                 // the present span of it
  Sum pressure_;             // since it ended, and its last tick; or about the last second
  uint64_t pressed_ns_ = 0;  // of each tick no more than it is to last; less what ease gave back
  Sum weighed_;              // since the core's rest was told last
  bool weighed_pressure_ = false;
  uint64_t flood_ = 0;     // the most that was offered in the last one, a second
  uint64_t flood_ns_ = 0;  // when it was seen last
  uint64_t ended_ns_ = 0;  // the last overload, by what is said here; 0: none
  uint64_t hold_ns_ = hold_min_ns;
};

}  // namespace holdfast::shield
