// SPDX-License-Identifier: GPL-3.0-or-later
// Quantiles of the times that the answer counter has taken, to within 1/32.
#pragma once

#include <cstdint>
#include <span>

namespace holdfast::drill {

// The longest time that falls into the bucket.
[[nodiscard]] uint64_t histogram_bucket_end_ns(uint32_t bucket);

// The time within which `share` (above 0, at most 1) of all came; `lost` more never came and count
// as `lost_ns`. 0 if there are none.
[[nodiscard]] uint64_t histogram_quantile_ns(std::span<const uint64_t> buckets, double share,
                                             uint64_t lost, uint64_t lost_ns);

}  // namespace holdfast::drill
