// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/histogram.h"

#include <gtest/gtest.h>

#include <array>

#include "drill/counter_layout.h"

namespace holdfast::drill {
namespace {

TEST(Histogram, BucketsFollowEachOtherWithoutGaps) {
  EXPECT_EQ(histogram_bucket(0), 0U);
  for (uint32_t bucket = 0; bucket + 1 < histogram_buckets; ++bucket) {
    const uint64_t end = histogram_bucket_end_ns(bucket);
    ASSERT_EQ(histogram_bucket(end), bucket);
    ASSERT_EQ(histogram_bucket(end + 1), bucket + 1);
  }
  EXPECT_EQ(histogram_bucket(~0ULL), histogram_buckets - 1U);
}

TEST(Histogram, EndsAreWithinAThirtySecond) {
  for (const uint64_t time : {100ULL, 12'345ULL, 999'999ULL, 3'000'000'000ULL}) {
    const uint64_t end = histogram_bucket_end_ns(static_cast<uint32_t>(histogram_bucket(time)));
    EXPECT_GE(end, time);
    EXPECT_LE(end - time, time / 32);
  }
}

TEST(Histogram, QuantilesCountWhatIsLost) {
  std::array<uint64_t, histogram_buckets> buckets{};
  buckets[10] = 98;
  buckets[20] = 1;
  EXPECT_EQ(histogram_quantile_ns(buckets, 0.5, 1, 5000), 10U);
  EXPECT_EQ(histogram_quantile_ns(buckets, 0.99, 1, 5000), 20U);
  EXPECT_EQ(histogram_quantile_ns(buckets, 1, 1, 5000), 5000U);
  EXPECT_EQ(histogram_quantile_ns(buckets, 1, 0, 5000), 20U);
  EXPECT_EQ(histogram_quantile_ns({}, 0.5, 0, 5000), 0U);
}

}  // namespace
}  // namespace holdfast::drill
