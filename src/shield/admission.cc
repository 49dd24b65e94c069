// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/admission.h"

#include <algorithm>
#include <utility>

namespace holdfast::shield {

namespace {

// In permille. A quarter of a socket's queue is some ten milliseconds of a busy worker's work, and
// what the kernel tells of it may be another quarter too much (transport/socket.h).
constexpr uint32_t backlog_overload = 500;
constexpr uint32_t backlog_high = 400;
constexpr uint32_t backlog_low = 300;
// A card's ring is some milliseconds of a fast card long, so a stall of the processor alone can
// fill it: it tells of overload once it has stood half full for so long, or has lost half of its
// length at once.
constexpr uint64_t ring_stands_ns = 30'000'000;
constexpr uint32_t ring_drops_many = 1'024;
constexpr uint32_t ring_drops_some = 256;
// So long after a ring was nearly full, its queue is served in order of trust.
constexpr uint64_t sort_ns = 5'000'000'000;
// A worker that rests less than this (permille) for so long cannot keep up: what is lost may be
// lost before the socket, in the card or the kernel's thread that serves it on the same core.
constexpr uint32_t idle_overload = 20;
constexpr uint64_t busy_ns_max = 100'000'000;
// Under overload the worker leaves this much of its core to the kernel, which has to receive what
// is dropped here: without it packets are lost unseen, the known ones among them.
constexpr uint32_t idle_low = 150;
constexpr uint32_t idle_wanted = 250;
// With cheap answers at the card, which cost a quarter of an answer, nobody waits for the others:
// these get what is left when the kernel has room for bursts, of which a card's queue holds few.
constexpr uint32_t card_idle_low = 300;
constexpr uint32_t card_idle_wanted = 400;
// Where there is nobody to protect, answers get what is left beyond this.
constexpr uint32_t card_spare_low = 100;
constexpr uint32_t card_spare_wanted = 160;
// Where there is nobody to protect, one cheap answer for so many others: so that somebody can prove
// himself.
constexpr uint32_t open_answers_a_reply = 8;
constexpr uint32_t budget_min = 500;  // a second: newcomers are never quite shut out
constexpr uint32_t budget_start_min = 2'000;
// What the card turns away is received by the kernel on the same core, and what it has no time for
// is lost in the card's queue, where nobody sees it, the known ones among it. So where nobody tells
// how much the core has left, the more there is to turn away, the less is admitted besides: 4,000 a
// second at a million.
constexpr uint64_t card_room = 4'000'000'000;
// Under overload half of what is left over goes to cheap answers. Over sockets two of them cost
// what an answer costs: both are sent.
constexpr uint32_t replies_an_answer = 2;
constexpr uint32_t truncate_a_second_min = 200;
// To one /24 or /48, of 75 to 120 bytes each: nobody is harmed by so many, and a resolver that is
// known not by eight times as many, 15 Mbit/s.
constexpr uint32_t replies_a_prefix = 2'000;
constexpr uint32_t stuck_ticks_max = 10;
// With less of the core left than this, and one in so many turned away without even a cheap answer,
// those who count as known take what others need, if they are so many. An outage makes honest ones
// repeat twentyfold; to send those to TCP would cost more than to answer them.
constexpr uint32_t core_idle_spent = 150;
constexpr uint32_t known_filling = 50'000;
constexpr uint64_t silence_parts = 8;
// Fewer known questions than this are not what keeps a worker busy.
constexpr uint32_t known_many = 10'000;
// And so many times what everybody asks in quiet times, of the known alone, is a flood that comes
// in their names: no budget of others has to be used up before more is asked of them.
constexpr uint64_t known_times_quiet = 4;
constexpr uint32_t easy_ticks_min = 100;
constexpr uint32_t easy_ticks_max = 3'000;  // a minute
constexpr uint64_t learn_pause_ns = 10'000'000'000;
constexpr uint64_t ns_per_s = 1'000'000'000;
constexpr uint32_t demand_max = 100'000'000;

uint32_t idle_permille(const LoadReading& reading) {
  const uint64_t all = reading.busy_ns + reading.idle_ns;
  return all == 0 ? 1000 : static_cast<uint32_t>(reading.idle_ns * 1000 / all);
}

// All that came has been taken out of the queues, and none of it was lost.
bool is_at_ease(const LoadReading& reading) {
  return reading.drops == 0 && reading.ring_drops == 0 && reading.ring_permille == 0 &&
         reading.backlog_permille <= backlog_low && idle_permille(reading) >= idle_overload;
}

bool is_pressed(const LoadReading& reading) {
  return reading.drops > 0 || reading.ring_drops >= ring_drops_some ||
         std::max(reading.backlog_permille, reading.ring_permille) >= backlog_high;
}

}  // namespace

ShieldClass class_of(Rank rank) {
  switch (rank) {
    case Rank::proved:
      return shield_proved;
    case Rank::known:
      return shield_known;
    case Rank::odd:
    case Rank::odd_beyond:
      return shield_known_odd;
    case Rank::slow:
    case Rank::slow_beyond:
      return shield_unknown_slow;
    case Rank::absent:
      return shield_absent_name;
    case Rank::fast:
      break;
  }
  return shield_unknown_fast;
}

void AdmissionControl::tick(uint64_t now_ns, const LoadReading& reading) {
  const uint64_t span_ns = std::clamp<uint64_t>(now_ns - last_tick_ns_, 1'000'000, ns_per_s);
  last_tick_ns_ = now_ns;
  if (reading.is_brimful) sorts_until_ns_ = now_ns + sort_ns;
  if (reading.card.core_idle_permille != CardReading::not_told) {
    core_idle_ = reading.card.core_idle_permille;
  }
  card_.tick(now_ns, span_ns, reading.card);
  if (level_ == 0) {
    core_idle_ = CardReading::not_told;
    look_for_overload(now_ns, span_ns, reading);
    if (level_ == 0) return;
  }
  count_known(span_ns);
  steer_budget(reading, span_ns);
  const Shedder at_hand = reading.is_filtered ? Shedder::filter : Shedder::worker;
  share_out(span_ns, reading.turned_away > 0 ? Shedder::card : at_hand);
  steer_level(reading);
  look_for_end(now_ns, span_ns, reading);
}

bool AdmissionControl::admits(Rank rank) {
  const auto at = static_cast<size_t>(rank);
  ++arrivals_[at];
  uint32_t& remainder = remainders_[at];
  remainder += shares_[at];
  if (remainder < SHIELD_SHARE_ONE) {
    ++refused_;
    return false;
  }
  remainder -= SHIELD_SHARE_ONE;
  return true;
}

bool AdmissionControl::truncates(Proof proof) {
  const auto take = [&](Proof from) {
    uint32_t& tokens = truncate_tokens_[static_cast<size_t>(from)];
    if (tokens == 0) return false;
    --tokens;
    return true;
  };
  return take(proof) || (proof == Proof::cookie && take(Proof::stream));
}

OfferedReading AdmissionControl::take_offered(uint64_t span_ns, const LoadReading& reading) {
  const uint64_t received = uint64_t{reading.answers} + reading.judged;
  const uint64_t refused = std::exchange(refused_, 0);
  return {.span_ns = span_ns,
          .offered = received + reading.drops + reading.ring_drops + reading.turned_away +
                     reading.filtered,
          .answered = received - std::min(received, refused),
          .busy_permille = 1'000 - idle_permille(reading),
          .core_idle_permille = reading.card.core_idle_permille,
          .is_at_ease = is_at_ease(reading)};
}

void AdmissionControl::look_for_overload(uint64_t now_ns, uint64_t span_ns,
                                         const LoadReading& reading) {
  // By time, not by ticks: under a burst these come sooner, and it is not to become the usual
  // sooner.
  quiet_x_ +=
      uint64_t{reading.answers} * ns_per_s / tick_ns - quiet_x_ / quiet_weight * span_ns / tick_ns;
  offered_.tick_quiet(take_offered(span_ns, reading));
  // A tick that lasted longer is one in which the thread may have stood still.
  const uint64_t counted_ns = std::min(span_ns, tick_ns);
  busy_ns_ = idle_permille(reading) < idle_overload ? busy_ns_ + counted_ns : 0;
  ring_stood_ns_ = reading.ring_permille >= backlog_overload ? ring_stood_ns_ + counted_ns : 0;
  const bool is_full = reading.drops > 0 || reading.backlog_permille >= backlog_overload ||
                       ring_stood_ns_ >= ring_stands_ns || reading.ring_drops >= ring_drops_many;
  if ((!is_full && busy_ns_ < busy_ns_max) || offered_.is_excused()) return;
  ring_stood_ns_ = 0;
  busy_ns_ = 0;
  offered_.begin_overload(now_ns);
  level_ = 1;
  easy_ticks_needed_ = easy_ticks_min / 2;
  stuck_ticks_ = 0;
  easy_ticks_ = 0;
  calm_since_ns_ = 0;
  learn_again_ns_ = now_ns;
  arrivals_ = {};
  known_ = 0;
  // As if there were some to protect, until it is seen.
  known_usual_x_ = uint64_t{2} * known_few * known_weight;
  expected_ = {};
  remainders_ = {};
  shares_.fill(SHIELD_SHARE_ONE);
  // Three quarters of what it could do just now.
  const uint64_t answers = uint64_t{reading.answers} * ns_per_s / span_ns;
  budget_ =
      static_cast<uint32_t>(std::clamp<uint64_t>(answers * 3 / 4, budget_start_min, demand_max));
}

// What is left over grows the budget by a sixteenth a tick; from the least to all of a core takes
// less than two seconds. Too much costs a quarter.
void AdmissionControl::steer_budget(const LoadReading& reading, uint64_t span_ns) {
  const uint32_t idle = idle_permille(reading);
  const bool is_core_told = core_idle_ != CardReading::not_told;
  const bool is_at_card = is_core_told && reading.turned_away > 0;
  const uint32_t card_low = is_open() ? card_spare_low : card_idle_low;
  const uint32_t card_wanted = is_open() ? card_spare_wanted : card_idle_wanted;
  const uint32_t core_low = is_at_card ? card_low : idle_low;
  const uint32_t core_wanted = is_at_card ? card_wanted : idle_wanted;
  const bool is_core_full = reading.card.core_idle_permille < core_low;  // false if not told
  if (is_pressed(reading) || is_core_full) {
    budget_ -= budget_ / 4;
  } else if (idle < idle_low) {
    budget_ -= budget_ / 16;
  } else if (idle >= idle_wanted && core_idle_ >= core_wanted &&
             std::max(reading.backlog_permille, reading.ring_permille) <= backlog_low) {
    // What the core has left is told only now and then.
    budget_ += std::max(budget_ / (is_core_told ? 32 : 16), 100U);
  }
  const uint64_t away_a_second = reading.turned_away * ns_per_s / span_ns;
  const uint64_t most = away_a_second == 0 || is_core_told ? demand_max : card_room / away_a_second;
  budget_ = static_cast<uint32_t>(
      std::clamp<uint64_t>(budget_, budget_min, std::max<uint64_t>(most, budget_min)));
}

void AdmissionControl::count_known(uint64_t span_ns) {
  known_a_second_ = static_cast<uint32_t>(std::exchange(known_, 0) * ns_per_s / span_ns);
  known_usual_x_ += known_a_second_ - known_usual_x_ / known_weight;
}

// Of those below `known`, by what they ask for.
uint32_t AdmissionControl::answers_of(uint64_t demand_a_second, Shedder shedder) const {
  switch (shedder) {
    case Shedder::card:
      return budget_ + budget_ / 4;  // the card's budget is this one, but its ticks are others
    case Shedder::filter:
      if (!is_open()) return budget_;
      return static_cast<uint32_t>(
          std::min<uint64_t>(demand_a_second - demand_a_second / open_answers_a_reply, demand_max));
    case Shedder::worker:
      break;
  }
  if (demand_a_second <= budget_) return budget_;
  // Too much for all to be answered: the half goes to those who are sent to prove themselves.
  return is_open() ? budget_ - budget_ / open_answers_a_reply : budget_ / 2;
}

void AdmissionControl::share_out(uint64_t span_ns, Shedder shedder) {
  uint64_t demand = 0;
  for (size_t rank = first_budgeted_rank; rank < rank_count; ++rank) {
    demand += std::max<uint64_t>(arrivals_[rank], expected_[rank] * span_ns / tick_ns);
  }
  const uint32_t answers = answers_of(demand * ns_per_s / span_ns, shedder);
  auto left = static_cast<uint32_t>(uint64_t{answers} * span_ns / ns_per_s);
  demand = 0;
  for (size_t rank = 0; rank < rank_count; ++rank) {
    // Arrivals a tick of tick_ns, whatever this one's length; a burst counts at once.
    const auto now = static_cast<uint32_t>(arrivals_[rank] * tick_ns / span_ns);
    expected_[rank] = std::max(now, expected_[rank] - expected_[rank] / 4);
    arrivals_[rank] = 0;
    if (rank < first_budgeted_rank) continue;
    const auto wanted = static_cast<uint32_t>(uint64_t{expected_[rank]} * span_ns / tick_ns);
    demand += wanted;
    if (wanted <= left) {
      shares_[rank] = SHIELD_SHARE_ONE;
      left -= wanted;
    } else {
      shares_[rank] = static_cast<uint32_t>(uint64_t{left} * SHIELD_SHARE_ONE / wanted);
      left = 0;
    }
  }
  // A budget that nobody asks for would let the next flood in.
  const uint64_t demand_a_second = demand * ns_per_s / span_ns;
  budget_ = static_cast<uint32_t>(
      std::min<uint64_t>(budget_, demand_a_second + demand_a_second / 4 + budget_start_min));
  share_out_replies(span_ns, shedder);
}

void AdmissionControl::share_out_replies(uint64_t span_ns, Shedder shedder) {
  // Whom the filter lets through there is time for.
  uint64_t a_second = shedder == Shedder::filter ? demand_max : budget_ / 2 * replies_an_answer;
  if (is_open() && shedder == Shedder::worker) a_second = budget_ / open_answers_a_reply;
  a_second = std::max<uint64_t>(a_second, truncate_a_second_min);
  const auto tokens = static_cast<uint32_t>(a_second * span_ns / ns_per_s);
  truncate_tokens_[static_cast<size_t>(Proof::cookie)] = tokens / 8;
  truncate_tokens_[static_cast<size_t>(Proof::stream)] = tokens - tokens / 8;
}

void AdmissionControl::steer_level(const LoadReading& reading) {
  // Behind a card the rings stay short while the known fill the core.
  const uint64_t silent = reading.turned_away - std::min(reading.card.replied, reading.turned_away);
  const bool is_core_spent = core_idle_ < core_idle_spent && known_a_second_ >= known_filling &&
                             silent * silence_parts > reading.turned_away;
  const bool is_too_much = is_pressed(reading) || is_core_spent;
  const bool are_known_many =
      known_a_second_ >=
      std::max<uint64_t>(known_many, known_times_quiet * quiet_x_ / quiet_weight);
  const bool is_stuck = (budget_ <= budget_min || are_known_many) && is_pressed(reading);
  stuck_ticks_ = is_stuck || is_core_spent ? stuck_ticks_ + 1 : 0;
  easy_ticks_ = is_too_much ? 0 : easy_ticks_ + 1;
  const bool would_help = level_ < blind_level || known_a_second_ >= known_many;
  if (stuck_ticks_ >= stuck_ticks_max && level_ < level_max && would_help) {
    ++level_;
    stuck_ticks_ = 0;
    core_idle_ = CardReading::not_told;  // as it is from now on
    easy_ticks_needed_ = std::min(easy_ticks_needed_ * 2, easy_ticks_max);
  } else if (easy_ticks_ >= easy_ticks_needed_ && level_ > 1) {
    --level_;
    easy_ticks_ = 0;
  }
}

void AdmissionControl::look_for_end(uint64_t now_ns, uint64_t span_ns, const LoadReading& reading) {
  learn_again_ns_ = now_ns + learn_pause_ns;
  const bool may_end = offered_.tick_overloaded(now_ns, take_offered(span_ns, reading));
  if (may_end) {
    offered_.end_overload(now_ns);
    level_ = 0;
    return;
  }
  const bool all_admitted =
      std::ranges::all_of(shares_, [](uint32_t share) { return share == SHIELD_SHARE_ONE; });
  const uint64_t turned_away = reading.turned_away + reading.filtered;
  if (!all_admitted || is_pressed(reading) || turned_away > 0 || level_ > 1) {
    calm_since_ns_ = 0;
  } else if (calm_since_ns_ == 0) {
    calm_since_ns_ = now_ns;
  } else if (now_ns - calm_since_ns_ >= release_ns) {
    level_ = 0;
  }
}

void AdmissionControl::write_allowances(const AdmissionLimits& limits, uint32_t level,
                                        ShieldOrders& orders) {
  struct Allowances {
    uint32_t usual_shift;
    uint32_t known_floor;
    uint32_t slots_factor;
    uint32_t unknown_divisor;
  };
  // A retry storm asks twenty times the usual: at first all of it is still known.
  static constexpr std::array<Allowances, level_max + 1> by_level{
      {{5, 64, 1, 1}, {5, 64, 1, 1}, {5, 64, 1, 1}, {3, 16, 2, 2}, {1, 4, 4, 4}}};
  const Allowances& allowances = by_level[std::min(level, level_max)];
  orders.usual_shift = allowances.usual_shift;
  orders.known_floor = allowances.known_floor;
  orders.known_slots = std::max(limits.known_slots * allowances.slots_factor, 1U);
  orders.unknown_source = std::max(limits.unknown_source / allowances.unknown_divisor, 1U);
  orders.unknown_prefix = std::max(limits.unknown_prefix / allowances.unknown_divisor, 1U);
  orders.proved_source = std::max(4 * limits.unknown_source / allowances.unknown_divisor, 4U);
  orders.reply_prefix = replies_a_prefix;
}

void AdmissionControl::write_orders(const AdmissionLimits& limits, uint64_t now_ns,
                                    ShieldOrders& orders) const {
  write_allowances(limits, level_, orders);
  orders.learning = may_learn(now_ns) ? 1 : 0;
  orders.admit_per_s = level_ == 0 ? ~0U : budget_;
  const uint32_t open_replies =
      budget_ / 2;  // which cost the card less than a tenth of its answers
  const uint32_t replies = is_open() ? std::min(card_.replies(), open_replies) : card_.replies();
  orders.truncate_per_s = level_ == 0 ? 0 : replies;
  orders.syn_per_s = card_.syns();
  const auto share = [&](Rank rank) {
    return level_ == 0 ? SHIELD_SHARE_ONE : shares_[static_cast<size_t>(rank)];
  };
  orders.share[shield_proved] = SHIELD_SHARE_ONE;
  orders.share[shield_known] = SHIELD_SHARE_ONE;
  orders.share[shield_known_odd] = share(Rank::odd);
  orders.share[shield_unknown_slow] = share(Rank::slow);
  orders.share[shield_absent_name] = share(Rank::absent);
  orders.share[shield_unknown_fast] = share(Rank::fast);
  orders.level = level_;
  orders.sorts = is_sorting(now_ns) ? 1 : 0;
  orders.beat_ms = now_ns / 1'000'000;
}

}  // namespace holdfast::shield
