// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/growth_keeper.h"

#include <utility>

#include "log/log.h"

namespace holdfast::control {

bool GrowthKeeper::step() {
  if (retry_at_ns_ != 0 && clock_.monotonic_ns() < retry_at_ns_) return false;
  retry_at_ns_ = 0;
  const uint64_t too_small = memory_.use().tables_too_small;
  const auto has_more = memory_.grow_ahead();
  const zone::MemoryUse use = memory_.use();
  if (std::exchange(replaced_, use.tables_replaced) != use.tables_replaced) is_told_ = false;
  if (has_more) return *has_more;
  if (use.tables_too_small == too_small) ++postponed_;
  retry_at_ns_ = clock_.monotonic_ns() + retry_ns;
  if (!std::exchange(is_told_, true)) {
    log::warning(log::Category::zones, "memory-growth-postponed",
                 "a change may wait for a larger table of names, as it could not be prepared; "
                 "tried again every 5 minutes: " +
                     has_more.error().message);
  }
  return false;
}

}  // namespace holdfast::control
