// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/offered_load.h"

#include <algorithm>
#include <utility>

namespace holdfast::shield {

namespace {

constexpr uint64_t tick_ns = 20'000'000;
// In quiet times what was carried loses a 256th in each span that proves some, half of it in 18 s,
// whether less is proved or nothing: questions may have become dearer.
constexpr uint64_t carried_parts = 256;
// Who carries less has queues that no stall fills.
constexpr uint64_t carried_telling = 2'000;
// After a stall half as much again may come, of what others have kept back meanwhile.
constexpr uint64_t excused_parts = 2;
// To end by, it is to be what was carried, but for what rates vary.
constexpr uint64_t even_parts = 16;
// More than so many times what was carried was a flood, which may come again.
constexpr uint64_t flood_times = 2;
// Of the core, in permille, for all that is offered.
constexpr uint64_t load_fits = 850;
// Fewer answers than this, in a fifth of a second, do not tell what one costs.
constexpr uint64_t answers_telling = 500;
constexpr uint64_t hold_factor = 8;
// There is nothing to excuse in more: so all of it is given back in three seconds.
constexpr uint64_t pressed_max_ns = OfferedLoad::excused_ns + tick_ns;
// A worker that stood still for longer at the end of a tick is taken to have had nothing to do.
constexpr uint64_t late_stall_ns = 100'000'000;
// An average over more would tell too late that more comes.
constexpr uint64_t average_ns = 1'000'000'000;
constexpr uint64_t forgiven_ns = 10'000'000'000;

}  // namespace

void OfferedLoad::Sum::add(const OfferedReading& reading) {
  span_ns += reading.span_ns;
  offered += reading.offered;
  answered += reading.answered;
  busy_ns += reading.span_ns * reading.busy_permille / 1'000;
}

uint64_t OfferedLoad::Sum::offered_a_second() const {
  // In microseconds the questions of weeks fit.
  return offered * 1'000'000 / std::max<uint64_t>(span_ns / 1'000, 1);
}

void OfferedLoad::grow_old(uint64_t span_ns) {
  for (aged_ns_ += span_ns; aged_ns_ >= proof_ns; aged_ns_ -= proof_ns) {
    carried_ -= carried_ / carried_parts;
  }
}

void OfferedLoad::note_pressure(const OfferedReading& reading) {
  ease_ = {};
  // What a stall leaves behind is averaged with the stall, however long that was.
  if (pressed_ns_ > excused_ns && pressure_.span_ns >= average_ns) pressure_ = {};
  pressure_.add(reading);
  pressed_ns_ = std::min(pressed_ns_ + std::min(reading.span_ns, tick_ns), pressed_max_ns);
}

// The worker may have stood still at the end of this tick; at sockets that is told in the next one.
// But no flood is to be averaged with all the time for which it had nothing to do.
void OfferedLoad::note_ease(const OfferedReading& reading) {
  ease_.add(reading);
  pressed_ns_ -= std::min(pressed_ns_, reading.span_ns / given_back_parts);
  const uint64_t span_ns = std::min(reading.span_ns, late_stall_ns);
  pressure_ = {};
  pressure_.span_ns = span_ns;
  pressure_.offered = reading.offered * span_ns / std::max<uint64_t>(reading.span_ns, 1);
}

void OfferedLoad::tick_quiet(const OfferedReading& reading) {
  grow_old(reading.span_ns);
  if (!reading.is_at_ease) return note_pressure(reading);
  note_ease(reading);
  if (ease_.span_ns < proof_ns) return;
  carried_ = std::max(carried_, std::exchange(ease_, {}).offered_a_second());
}

bool OfferedLoad::is_excused() const {
  return pressed_ns_ <= excused_ns && carried_ >= carried_telling &&
         pressure_.offered_a_second() < carried_ + carried_ / excused_parts;
}

void OfferedLoad::begin_overload(uint64_t now_ns) {
  note_flood(now_ns, pressure_.offered_a_second());
  ease_ = pressure_ = weighed_ = {};
  pressed_ns_ = 0;
  weighed_pressure_ = false;
  const uint64_t since_ns = now_ns - std::exchange(ended_ns_, 0);
  if (since_ns < relapse_ns) {
    hold_ns_ = std::min(hold_ns_ * hold_factor, hold_max_ns);
    // What was carried is no longer.
    if (hold_ns_ == hold_max_ns) carried_ = 0;
  } else if (since_ns >= forgiven_ns) {
    hold_ns_ = hold_min_ns;
  }
}

bool OfferedLoad::tick_overloaded(uint64_t now_ns, const OfferedReading& reading) {
  weigh(reading);
  if (!reading.is_at_ease) {
    note_pressure(reading);
    // A stall and what it leaves behind count together.
    if (pressed_ns_ > excused_ns) note_flood(now_ns, pressure_.offered_a_second());
    return false;
  }
  note_ease(reading);
  if (ease_.span_ns < hold_ns_) return false;
  const uint64_t a_second = std::exchange(ease_, {}).offered_a_second();
  note_flood(now_ns, a_second);
  return is_within_reach(now_ns, a_second);
}

// The next stall is excused as the first was: what begins again too early has to wait longer.
void OfferedLoad::end_overload(uint64_t now_ns) {
  ended_ns_ = now_ns;
  pressed_ns_ = 0;
}

void OfferedLoad::note_flood(uint64_t now_ns, uint64_t offered_a_second) {
  if (offered_a_second <= flood_times * carried_) return;
  if (now_ns - flood_ns_ >= hold_max_ns) flood_ = 0;
  flood_ = std::max(flood_, offered_a_second);
  flood_ns_ = now_ns;
}

// What is turned away costs the core its receiving, which answers cost too; to answer it would take
// the worker what others take it. Rather too much: what is dropped was judged as well, and the
// thread that receives has interrupted the worker. Without ease the core had a backlog to work off.
void OfferedLoad::weigh(const OfferedReading& reading) {
  weighed_.add(reading);
  weighed_pressure_ |= !reading.is_at_ease;
  if (reading.core_idle_permille == CardReading::not_told) return;
  const Sum sum = std::exchange(weighed_, {});
  if (std::exchange(weighed_pressure_, false) || sum.answered < answers_telling) return;
  const uint64_t busy = sum.busy_ns * 1'000 / std::max<uint64_t>(sum.span_ns, 1);
  const uint64_t others = sum.offered - std::min(sum.offered, sum.answered);
  const uint64_t load =
      1'000 - std::min(reading.core_idle_permille, 1'000U) + busy * others / sum.answered;
  if (load <= load_fits) carried_ = std::max(carried_, sum.offered_a_second());
}

bool OfferedLoad::is_within_reach(uint64_t now_ns, uint64_t offered_a_second) const {
  const bool was_flooded = now_ns - flood_ns_ < hold_max_ns && flood_ > flood_times * carried_;
  return !was_flooded && offered_a_second <= carried_ + carried_ / even_parts;
}

}  // namespace holdfast::shield
