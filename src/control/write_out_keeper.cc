// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/write_out_keeper.h"

#include <algorithm>
#include <utility>

#include "log/log.h"

namespace holdfast::control {

bool WriteOutKeeper::step() {
  if (!is_writing_) {
    const uint64_t now_ns = clock_.monotonic_ns();
    if (now_ns < due_ns_) return false;
    const zone::MemoryUse use = memory_.use();
    if (use.file_bytes < file_bytes_min || use.unwritten_bytes == 0) return false;
    begun_ns_ = now_ns;
  }
  const auto has_more = memory_.write_out();
  is_writing_ = has_more && *has_more;
  if (is_writing_) return true;
  const uint64_t now_ns = clock_.monotonic_ns();
  if (has_more) {
    is_told_ = false;
    due_ns_ = std::max(begun_ns_ + round_ns, now_ns + rests_per_round * (now_ns - begun_ns_));
    return false;
  }
  due_ns_ = now_ns + retry_ns;
  if (!std::exchange(is_told_, true)) {
    log::warning(log::Category::zones, "memory-unwritten",
                 "zone memory, which is answered from, cannot be written to disk; tried again each "
                 "minute, and all zones are loaded anew after the machine's next start: " +
                     has_more.error().message);
  }
  return false;
}

}  // namespace holdfast::control
