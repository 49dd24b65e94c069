// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/histogram.h"

#include <cmath>

#include "drill/counter_layout.h"

namespace holdfast::drill {

uint64_t histogram_bucket_end_ns(uint32_t bucket) {
  if (bucket < 2 * histogram_steps) return bucket;
  const uint32_t shift = bucket / histogram_steps - 1;
  const uint64_t step = bucket % histogram_steps + histogram_steps;
  return ((step + 1) << shift) - 1;
}

uint64_t histogram_quantile_ns(std::span<const uint64_t> buckets, double share, uint64_t lost,
                               uint64_t lost_ns) {
  uint64_t total = lost;
  for (const uint64_t count : buckets) total += count;
  if (total == 0) return 0;
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(total)));
  uint64_t reached = 0;
  for (uint32_t bucket = 0; bucket < buckets.size(); ++bucket) {
    reached += buckets[bucket];
    if (reached >= wanted && reached > 0) return histogram_bucket_end_ns(bucket);
  }
  return lost_ns;
}

}  // namespace holdfast::drill
