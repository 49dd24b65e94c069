// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/card_budgets.h"

#include <algorithm>
#include <utility>

namespace holdfast::shield {

namespace {

constexpr uint64_t ns_per_s = 1'000'000'000;
// Below the first, packets are about to be lost in the card's queue, the known ones among them.
constexpr uint32_t idle_low = 80;
constexpr uint32_t idle_wanted = 140;
// Fewer cheap answers than these, 3 % of a core, are not what fills it: to send less of them would
// only leave strangers without a way in.
constexpr uint64_t replies_few = 100'000;

uint32_t clamp(uint64_t value, uint32_t least, uint32_t most) {
  return static_cast<uint32_t>(std::clamp<uint64_t>(value, least, most));
}

}  // namespace

void CardBudgets::tick(uint64_t now_ns, uint64_t span_ns, const CardReading& reading) {
  replied_ += reading.replied;
  replied_for_ns_ += span_ns;
  steer_replies(reading);
  steer_syns(now_ns, span_ns, reading);
}

// From a quarter of a core to all of it in less than a second; too much costs a quarter, if it was
// used. A budget that is not used does not grow.
void CardBudgets::steer_replies(const CardReading& reading) {
  const uint32_t idle = reading.core_idle_permille;
  if (idle == CardReading::not_told) return;
  const uint64_t replied = std::exchange(replied_, 0);
  const uint64_t span_ns = std::max<uint64_t>(std::exchange(replied_for_ns_, 0), 1);
  const uint64_t a_second = replied * ns_per_s / span_ns;
  if (idle < idle_low) {
    if (a_second < replies_few) return;
    const uint64_t least = std::min<uint64_t>(replies_, a_second);
    replies_ = clamp(least - least / 4, replies_min, replies_max);
  } else if (idle >= idle_wanted && a_second >= replies_ / 2) {
    replies_ = clamp(uint64_t{replies_} + replies_ / 4, replies_min, replies_max);
  } else if (replies_ < replies_start && idle >= idle_wanted) {
    replies_ = clamp(uint64_t{replies_} + replies_ / 8, replies_min, replies_start);
  }
}

void CardBudgets::steer_syns(uint64_t now_ns, uint64_t span_ns, const CardReading& reading) {
  const uint64_t a_second = reading.syns * ns_per_s / std::max<uint64_t>(span_ns, 1);
  if (a_second >= syns_many) {
    syns_seen_ns_ = now_ns;
    if (syns_ == 0) syns_ = syns_start;
  } else if (syns_ != 0 && now_ns - syns_seen_ns_ >= syn_release_ns) {
    syns_ = 0;
  }
  if (syns_ == 0 || reading.core_idle_permille == CardReading::not_told) return;
  if (reading.core_idle_permille < idle_low) {
    syns_ = clamp(syns_ - syns_ / 4, syns_min, syns_many);
  } else if (reading.core_idle_permille >= idle_wanted) {
    syns_ = clamp(uint64_t{syns_} + syns_ / 8, syns_min, syns_many);
  }
}

}  // namespace holdfast::shield
