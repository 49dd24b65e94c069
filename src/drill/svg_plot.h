// SPDX-License-Identifier: GPL-3.0-or-later
// A plot of lines as inline SVG. Colours and fonts come from the page's style sheet, so that they
// follow light and dark.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace holdfast::drill {

struct PlotLine {
  std::string label;
  std::vector<std::pair<double, double>> points;  // rising in x
  unsigned colour = 1;                            // 1 to 6: the style sheet's s1 to s6
  bool marks = false;                             // a dot at each point
};

struct PlotBand {  // a time that is shaded
  double from = 0;
  double to = 0;
  std::string label;
};

struct Plot {
  std::string title;
  std::string x_label;
  double x_max = 1;  // both axes begin at 0
  double y_max = 1;
  std::string y_unit;  // behind the numbers: " %"
  std::vector<PlotBand> bands;
  std::vector<PlotLine> lines;
};

[[nodiscard]] std::string svg_plot(const Plot& plot);

// For text within HTML and SVG.
[[nodiscard]] std::string escape_html(std::string_view text);

// A step that divides `span` into three to six parts, of 1, 2 or 5 times a power of ten.
[[nodiscard]] double round_step(double span);

}  // namespace holdfast::drill
