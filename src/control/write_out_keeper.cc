// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/write_out_keeper.h"

#include <utility>

#include "log/log.h"

namespace holdfast::control {

bool WriteOutKeeper::step() {
  if (!is_writing_) {
    const uint64_t now_ns = clock_.monotonic_ns();
    if (now_ns < due_ns_ || memory_.use().unwritten_bytes < unwritten_bytes_min) return false;
    due_ns_ = now_ns + round_ns;
  }
  const auto has_more = memory_.write_out();
  is_writing_ = has_more && *has_more;
  if (has_more) {
    if (!is_writing_) is_told_ = false;
    return is_writing_;
  }
  due_ns_ = clock_.monotonic_ns() + retry_ns;
  if (!std::exchange(is_told_, true)) {
    log::warning(log::Category::zones, "memory-unwritten",
                 "zone memory, which is answered from, cannot be written to disk; tried again each "
                 "minute: " +
                     has_more.error().message);
  }
  return false;
}

}  // namespace holdfast::control
