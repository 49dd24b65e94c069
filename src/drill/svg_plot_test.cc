// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/svg_plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

TEST(SvgPlot, StepsAreRoundAndFew) {
  for (const double span : {1.0, 3.7, 22.0, 100.0, 318.0, 2400.0}) {
    const double step = round_step(span);
    EXPECT_LE(span / step, 6) << span;
    EXPECT_GE(span / step, 2) << span;
  }
  EXPECT_DOUBLE_EQ(round_step(100), 20);
}

TEST(SvgPlot, HoldsItsLinesWithinItsAxes) {
  const std::string svg = svg_plot({"Goodput",
                                    "seconds",
                                    10,
                                    100,
                                    " %",
                                    {{2, 5, "attack"}},
                                    {{"first try", {{0, 0}, {10, 100}, {20, 500}}, 1, true}}});
  EXPECT_THAT(svg, testing::HasSubstr("points=\"58.0,166.0 708.0,40.0 708.0,40.0 \""));
  EXPECT_THAT(svg, testing::HasSubstr("class=\"band\""));
}

TEST(SvgPlot, NamesAreText) {
  EXPECT_EQ(escape_html("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
}

}  // namespace
}  // namespace holdfast::drill
