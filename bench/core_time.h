// SPDX-License-Identifier: GPL-3.0-or-later
// How a processor spent its time, as /proc/stat has it: in hundredths of a second.
//
// It tells work of others on a processor that is measured, and what the machine's other guests had.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace holdfast::bench {

struct CoreTime {
  uint64_t busy_ms = 0;   // in processes, kernel and interrupts
  uint64_t steal_ms = 0;  // wanted, and given to another guest of the machine
};

// `text` is /proc/stat's.
[[nodiscard]] Result<CoreTime> parse_core_time(std::string_view text, unsigned cpu);
[[nodiscard]] Result<CoreTime> read_core_time(unsigned cpu);

}  // namespace holdfast::bench
