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
// Where the core's rest is not told, the worker's own says less: more is left.
constexpr uint32_t own_idle_low = 150;
constexpr uint32_t own_idle_wanted = 250;
// Told five times a second; where it has not been for so long, it will not be.
constexpr uint64_t steer_blind_ns = 2 * SocketBudget::steer_ns;

}  // namespace

void SocketBudget::tick(uint64_t span_ns, const SocketReading& reading) {
  span_ns_ += span_ns;
  strangers_ += reading.strangers;
  others_ += reading.others;
  filtered_ += reading.filtered;
  lost_ += reading.lost;
  idle_span_ns_ += span_ns * std::min(reading.worker_idle_permille, 1000U) / 1000;
  is_pressed_ |= reading.is_pressed;
  core_idle_ = reading.core_idle_permille;
  const bool is_first = passes_ == 0;
  if (is_first || core_idle_ != CardReading::not_told || span_ns_ >= steer_blind_ns) steer();
}

void SocketBudget::steer() {
  const uint64_t span_ns = std::max<uint64_t>(std::exchange(span_ns_, 0), 1);
  const auto a_second = [&](uint64_t count) { return count * ns_per_s / span_ns; };
  const uint64_t received = a_second(std::exchange(strangers_, 0));
  // Of what was lost, strangers had as large a part as of what was received: where known sources
  // are what floods, there is nothing to be gained by keeping strangers away.
  const uint64_t of_others = a_second(std::exchange(others_, 0));
  const uint64_t lost =
      a_second(std::exchange(lost_, 0)) * received / std::max<uint64_t>(received + of_others, 1);
  const uint64_t arrived = received + a_second(std::exchange(filtered_, 0)) + lost;
  const bool is_told = core_idle_ != CardReading::not_told;
  const auto own_idle = static_cast<uint32_t>(std::exchange(idle_span_ns_, 0) * 1000 / span_ns);
  const uint32_t idle = is_told ? core_idle_ : own_idle;
  const bool is_pressed = std::exchange(is_pressed_, false);
  if (passes_ == 0) {
    // What the worker received just now was too much; half of it may be.
    passes_ = static_cast<uint32_t>(std::clamp<uint64_t>(received / 2, passes_min, passes_max));
  } else if (is_pressed || idle < (is_told ? idle_low : own_idle_low)) {
    const uint64_t least = std::min<uint64_t>(passes_, received);
    passes_ =
        static_cast<uint32_t>(std::clamp<uint64_t>(least - least / 5, passes_min, passes_max));
  } else if (idle >= (is_told ? idle_wanted : own_idle_wanted) && passes_ <= 2 * arrived) {
    passes_ =
        static_cast<uint32_t>(std::min<uint64_t>(uint64_t{passes_} + passes_ / 8, passes_max));
  }
  // As long as it is the filter that keeps them away, a little more room than they need is needed.
  share_ = passes_ >= arrived + arrived / 8
               ? SHIELD_SHARE_ONE
               : static_cast<uint32_t>(std::clamp<uint64_t>(
                     uint64_t{passes_} * SHIELD_SHARE_ONE / std::max<uint64_t>(arrived, 1), 1,
                     SHIELD_SHARE_ONE - 1));
}

}  // namespace holdfast::shield
