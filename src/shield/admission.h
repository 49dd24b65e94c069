// SPDX-License-Identifier: GPL-3.0-or-later
// Decides when a worker has too much to do, and how much of each rank it then answers.
//
// Overload is measured: what waits in the queues, what the kernel dropped, and whether the worker
// still comes to rest. Until then everything is admitted and nothing here costs a question
// anything. Under overload, what is proved or known is answered; the ranks below share a budget
// that grows while the queues stay short and the worker has time left, and shrinks at once when
// they do not (additive increase, multiplicative decrease). A rank gets what the ranks above it
// leave over. When even the least budget is too much, the level rises and with it the demands on
// who is known. It ends when everything has been admitted again for a while, or at once when what
// is offered can be answered; what a stall of the processor leaves behind begins none
// (offered_load.h). Pure: time comes in. Never allocates. Thread: the worker's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shield/card_budgets.h"
#include "shield/offered_load.h"
#include "shield/source_layout.h"

namespace holdfast::shield {

// ShieldClass by what is known once the name has been looked up, in the order in which they are
// served. Who asks for a zone that has had its share comes after those who ask for others.
enum class Rank : uint8_t {
  proved,
  known,
  odd,          // shield_known_odd
  slow,         // shield_unknown_slow
  odd_beyond,   // the same for a zone that has had its share
  slow_beyond,  //
  absent,       // shield_absent_name
  fast,         // shield_unknown_fast
};
constexpr size_t rank_count = 8;
constexpr size_t first_budgeted_rank = static_cast<size_t>(Rank::odd);

[[nodiscard]] ShieldClass class_of(Rank rank);

// How a sender can prove where it is: it has a cookie to complete, or has to come by TCP.
enum class Proof : uint8_t { cookie, stream };

// What a worker has measured since the last tick.
struct LoadReading {
  uint32_t backlog_permille = 0;  // of the fullest queue, at its fullest
  uint32_t drops = 0;             // by the kernel, for want of room
  // Of cards' queues: what stood in the fullest all the time, and what found no room in any.
  uint32_t ring_permille = 0;
  uint32_t ring_drops = 0;
  bool is_brimful = false;   // one of them was nearly full at some moment
  uint64_t turned_away = 0;  // at the card, by the worker's own orders
  uint64_t busy_ns = 0;
  uint64_t idle_ns = 0;  // waiting with nothing to do
  uint32_t answers = 0;  // in quiet times
  CardReading card;
  // Under overload: datagrams that a filter on the sockets trusts nobody for, as SocketReading has
  // them; and all.
  std::array<uint32_t, 4> strangers{};
  uint32_t judged = 0;
  // By a filter on the sockets (socket_filter.h), where one is in force.
  bool is_filtered = false;
  uint64_t filtered = 0;
};

struct AdmissionLimits {
  uint32_t unknown_source = 20;   // questions a second of an address that is not known
  uint32_t unknown_prefix = 200;  // and of its /24 or /48
  uint32_t known_slots = 2;
};

class AdmissionControl {
 public:
  static constexpr uint64_t tick_ns = 20'000'000;
  static constexpr uint64_t release_ns = 5'000'000'000;
  static constexpr uint32_t level_max = 4;
  // From here on strangers are judged by their source alone.
  static constexpr uint32_t blind_level = 2;

  // Once a tick, or later if nothing happened.
  void tick(uint64_t now_ns, const LoadReading& reading);

  // Under overload, of each question: proved and known ones are only counted; of the others, true
  // if it is to be answered.
  void note_known() { ++known_; }
  [[nodiscard]] bool admits(Rank rank);
  // False if all of a rank are admitted at present: then nothing is gained by asking early.
  [[nodiscard]] bool is_short(Rank rank) const {
    return shares_[static_cast<size_t>(rank)] < SHIELD_SHARE_ONE;
  }
  // Of one that is not: true if it is to get a cheap answer, TC or BADCOOKIE. An eighth of them is
  // for who brings a cookie: its very next question can be a proved one.
  [[nodiscard]] bool truncates(Proof proof);

  [[nodiscard]] bool is_overloaded() const { return level_ > 0; }
  // Nothing is refused, but what waits at cards' queues has been too long to be served as it comes:
  // the program there is to tell the known apart, which go first.
  [[nodiscard]] bool is_sorting(uint64_t now_ns) const {
    return level_ == 0 && now_ns < sorts_until_ns_;
  }
  [[nodiscard]] uint32_t level() const { return level_; }
  // Nothing is learned until some time after the last overload.
  [[nodiscard]] bool may_learn(uint64_t now_ns) const {
    return level_ == 0 && now_ns >= learn_again_ns_;
  }
  // So few known and proved ones ask that there is nobody to protect from strangers: these are
  // answered rather than sent to prove themselves.
  [[nodiscard]] bool is_open() const { return known_usual_x_ < uint64_t{known_few} * known_weight; }
  // Questions a second below `known` that are answered, were there no cheap answers.
  [[nodiscard]] uint32_t budget() const { return budget_; }
  // What others need to know to do the same: the XDP program, control.
  void write_orders(const AdmissionLimits& limits, uint64_t now_ns, ShieldOrders& orders) const;
  // Allowances by level, for the worker's own judgement.
  static void write_allowances(const AdmissionLimits& limits, uint32_t level, ShieldOrders& orders);

 private:
  static constexpr uint32_t known_few = 200;     // a second
  static constexpr uint32_t known_weight = 64;   // ticks over which they are averaged
  static constexpr uint32_t quiet_weight = 512;  // ticks of tick_ns

  void look_for_overload(uint64_t now_ns, uint64_t span_ns, const LoadReading& reading);
  [[nodiscard]] OfferedReading take_offered(uint64_t span_ns, const LoadReading& reading);
  void steer_budget(const LoadReading& reading, uint64_t span_ns);
  void steer_level(const LoadReading& reading);
  void look_for_end(uint64_t now_ns, uint64_t span_ns, const LoadReading& reading);
  // Where the card sheds, what comes here has been admitted there; where a filter does, it is to
  // get an answer of some kind.
  enum class Shedder : uint8_t { worker, card, filter };
  void count_known(uint64_t span_ns);
  void share_out(uint64_t span_ns, Shedder shedder);
  [[nodiscard]] uint32_t answers_of(uint64_t demand_a_second, Shedder shedder) const;
  void share_out_replies(uint64_t span_ns, Shedder shedder);

  uint32_t level_ = 0;
  uint32_t budget_ = 0;
  uint64_t last_tick_ns_ = 0;
  uint64_t learn_again_ns_ = 0;
  uint64_t sorts_until_ns_ = 0;
  uint64_t calm_since_ns_ = 0;                  // 0: not calm
  uint64_t busy_ns_ = 0;                        // without rest for so long
  uint64_t ring_stood_ns_ = 0;                  // a ring has not been emptied for so long
  uint32_t stuck_ticks_ = 0;                    // at the least budget and still too much
  uint32_t core_idle_ = CardReading::not_told;  // permille, as it was told last
  CardBudgets card_;
  OfferedLoad offered_;
  uint32_t refused_ = 0;         // since the last tick
  uint64_t known_ = 0;           // since the last tick
  uint32_t known_a_second_ = 0;  // by the last tick
  uint64_t quiet_x_ = 0;         // answers a second in quiet times, averaged, times quiet_weight
  uint64_t known_usual_x_ = 0;   // averaged, times known_weight
  uint32_t easy_ticks_ = 0;
  uint32_t easy_ticks_needed_ = 0;  // before the level falls; more each time that was too early
  std::array<uint32_t, 2> truncate_tokens_{};    // by Proof
  std::array<uint32_t, rank_count> arrivals_{};  // since the last tick
  std::array<uint32_t, rank_count> expected_{};  // a tick, smoothed
  std::array<uint32_t, rank_count> shares_{};    // of SHIELD_SHARE_ONE
  std::array<uint32_t, rank_count> remainders_{};
};

}  // namespace holdfast::shield
