// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.h"

#include <ctime>

namespace holdfast {

uint64_t SystemClock::monotonic_ns() const {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t SystemClock::wall_s() const {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return static_cast<uint64_t>(now.tv_sec);
}

}  // namespace holdfast
