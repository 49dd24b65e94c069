// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/metrics_text.h"

#include <gtest/gtest.h>

#include <array>

namespace holdfast::control {
namespace {

TEST(MetricsText, FamiliesAndSamples) {
  MetricsText text;
  text.begin_family("holdfast_queries_total", MetricsText::Type::counter, "Queries.");
  text.add_sample(
      MetricsText::label("protocol", "udp") + "," + MetricsText::label("family", "ipv4"),
      uint64_t{12});
  text.add_sample("", uint64_t{0});
  text.begin_family("holdfast_load", MetricsText::Type::gauge, "Load.");
  text.add_sample(MetricsText::label("name", "a\"b\\c\nd"), 0.5);
  EXPECT_EQ(text.take(),
            "# HELP holdfast_queries_total Queries.\n"
            "# TYPE holdfast_queries_total counter\n"
            "holdfast_queries_total{protocol=\"udp\",family=\"ipv4\"} 12\n"
            "holdfast_queries_total 0\n"
            "# HELP holdfast_load Load.\n"
            "# TYPE holdfast_load gauge\n"
            "holdfast_load{name=\"a\\\"b\\\\c\\nd\"} 0.5\n");
}

TEST(MetricsText, HistogramBucketsAccumulate) {
  MetricsText text;
  text.begin_family("holdfast_size_bytes", MetricsText::Type::histogram, "Sizes.");
  text.add_histogram("protocol=\"udp\"", std::array{128.0, 512.0}, std::array<uint64_t, 3>{1, 2, 3},
                     4000);
  EXPECT_EQ(text.take(),
            "# HELP holdfast_size_bytes Sizes.\n"
            "# TYPE holdfast_size_bytes histogram\n"
            "holdfast_size_bytes_bucket{protocol=\"udp\",le=\"128\"} 1\n"
            "holdfast_size_bytes_bucket{protocol=\"udp\",le=\"512\"} 3\n"
            "holdfast_size_bytes_bucket{protocol=\"udp\",le=\"+Inf\"} 6\n"
            "holdfast_size_bytes_sum{protocol=\"udp\"} 4000\n"
            "holdfast_size_bytes_count{protocol=\"udp\"} 6\n");
}

TEST(MetricsTextDeathTest, ACounterThatIsNotNamedSoIsABug) {
  MetricsText text;
  EXPECT_DEATH(text.begin_family("holdfast_queries", MetricsText::Type::counter, "Q."), "");
}

}  // namespace
}  // namespace holdfast::control
