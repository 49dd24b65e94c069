// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/socket_budget.h"

#include <algorithm>
#include <utility>

namespace holdfast::shield {

namespace {

constexpr uint64_t ns_per_s = 1'000'000'000;
// Permille of the core. Below the first, packets of the known are about to be lost too, in the
// card's ring or the socket's queue. A cheap answer costs as much as dropping two or three
// strangers: what is left over is theirs, and no more.
constexpr uint32_t idle_low = 130;
constexpr uint32_t idle_wanted = 200;
// So much more than is wanted, and it grows in large steps.
constexpr uint32_t idle_plenty = 100;
constexpr uint64_t first_parts = 4;
// Where the core's rest is not told, the worker's own says less: more is left.
constexpr uint32_t own_idle_low = 150;
constexpr uint32_t own_idle_wanted = 250;
// Told five times a second; where it has not been for so long, it will not be.
constexpr uint64_t steer_blind_ns = 2 * SocketBudget::steer_ns;

}  // namespace

bool is_familiar(Telling telling, size_t familiarity) {
  const size_t wanted = static_cast<size_t>(telling);
  return telling != Telling::nothing && (familiarity & wanted) == wanted;
}

uint64_t SocketBudget::Rates::familiar(Telling telling) const {
  uint64_t sum = 0;
  for (size_t i = 0; i < familiarities; ++i) sum += is_familiar(telling, i) ? by[i] : 0;
  return sum;
}

void SocketBudget::tick(uint64_t span_ns, const SocketReading& reading) {
  span_ns_ += span_ns;
  for (size_t i = 0; i < familiarities; ++i) {
    strangers_ += reading.strangers[i];
    sent_[i] +=
        uint64_t{reading.strangers[i]} * SHIELD_SHARE_ONE / std::max(reading.in_force.of(i), 1U);
  }
  others_ += reading.others;
  filtered_ += reading.filtered;
  lost_ += reading.lost;
  idle_span_ns_ += span_ns * std::min(reading.worker_idle_permille, 1000U) / 1000;
  is_pressed_ |= reading.is_pressed;
  core_idle_ = reading.core_idle_permille;
  const bool is_first = passes_ == 0;
  if (is_first || core_idle_ != CardReading::not_told || span_ns_ >= steer_blind_ns) steer();
}

SocketBudget::Rates SocketBudget::take_rates(uint64_t span_ns) {
  const auto a_second = [&](uint64_t count) { return count * ns_per_s / span_ns; };
  Rates rates;
  rates.received = a_second(std::exchange(strangers_, 0));
  // Of what was lost, strangers had as large a part as of what was received: where known sources
  // are what floods, there is nothing to be gained by keeping strangers away.
  rates.of_others = a_second(std::exchange(others_, 0));
  const uint64_t lost = a_second(std::exchange(lost_, 0)) * rates.received /
                        std::max<uint64_t>(rates.received + rates.of_others, 1);
  rates.arrived = rates.received + a_second(std::exchange(filtered_, 0)) + lost;
  for (size_t i = 0; i < familiarities; ++i) {
    rates.by[i] = std::min(a_second(std::exchange(sent_[i], 0)), rates.arrived);
  }
  return rates;
}

void SocketBudget::steer() {
  const uint64_t span_ns = std::max<uint64_t>(std::exchange(span_ns_, 0), 1);
  const Rates rates = take_rates(span_ns);
  const bool is_told = core_idle_ != CardReading::not_told;
  const auto own_idle = static_cast<uint32_t>(std::exchange(idle_span_ns_, 0) * 1000 / span_ns);
  const uint32_t idle = is_told ? core_idle_ : own_idle;
  const uint32_t low = is_told ? idle_low : own_idle_low;
  uint32_t wanted = is_told ? idle_wanted : own_idle_wanted;
  // The sooner when those are kept away who are asked for most.
  if (telling_ != Telling::nothing && familiar_share_ < SHIELD_SHARE_ONE) {
    wanted = (low + wanted) / 2;
  }
  const bool is_pressed = std::exchange(is_pressed_, false);
  uint64_t passes = passes_;
  if (passes_ == 0) {
    // What the worker received just now was far too much, whoever it came from.
    passes = (rates.received + rates.of_others) / first_parts;
  } else if (is_pressed || idle < low) {
    const uint64_t least = std::min<uint64_t>(passes_, rates.received);
    passes = least - least / (idle < low / 2 ? 3 : 5);
  } else if (idle >= wanted && passes_ <= 2 * rates.arrived) {
    passes += passes_ / (idle >= wanted + idle_plenty ? 2 : 8);
  }
  passes_ = static_cast<uint32_t>(std::clamp<uint64_t>(passes, passes_min, passes_max));
  share_out(rates);
}

void SocketBudget::share_out(const Rates& rates) {
  const auto share_of = [](uint64_t passes, uint64_t arrived) {
    const uint64_t share = passes * SHIELD_SHARE_ONE / std::max<uint64_t>(arrived, 1);
    return static_cast<uint32_t>(std::clamp<uint64_t>(share, 1, SHIELD_SHARE_ONE - 1));
  };
  // As long as it is the filter that keeps them away, a little more room than they need is needed.
  if (passes_ >= rates.arrived + rates.arrived / 8) {
    share_ = familiar_share_ = SHIELD_SHARE_ONE;
    telling_ = Telling::nothing;
    return;
  }
  telling_ = choose_telling(rates);
  if (telling_ == Telling::nothing) {
    share_ = familiar_share_ = share_of(passes_, rates.arrived);
    return;
  }
  const uint64_t familiar = rates.familiar(telling_);
  const uint64_t for_others = passes_ / 8;
  const uint64_t for_familiar = passes_ - for_others;
  familiar_share_ = familiar <= for_familiar ? SHIELD_SHARE_ONE : share_of(for_familiar, familiar);
  share_ = share_of(std::max(passes_ - std::min<uint64_t>(familiar, passes_), for_others),
                    rates.arrived - familiar);
}

// The first by which few enough are familiar that all of them may pass: the form tells of all who
// ask in earnest, the name of many of them. Or that by which the fewest are, if it tells at all.
Telling SocketBudget::choose_telling(const Rates& rates) const {
  Telling best = Telling::nothing;
  uint64_t fewest = rates.arrived + 1;
  for (const Telling telling : {Telling::form, Telling::name, Telling::both}) {
    const uint64_t familiar = rates.familiar(telling);
    if (familiar <= std::min<uint64_t>(passes_, rates.arrived) * 3 / 4) return telling;
    // Once it is done, a little more than where it would begin.
    const uint64_t most = telling == telling_ ? rates.arrived * 3 / 4 : rates.arrived / 2;
    if (familiar > most || familiar >= fewest) continue;
    best = telling;
    fewest = familiar;
  }
  return best;
}

}  // namespace holdfast::shield
