// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

namespace holdfast::drill {
namespace {

constexpr double width = 720;
constexpr double height = 200;
constexpr double left = 58;
constexpr double right = 12;
constexpr double top = 40;
constexpr double bottom = 34;
constexpr double letter_width = 6.6;  // of the labels' font, roughly
constexpr double parts_max = 6;

class Drawing {
 public:
  explicit Drawing(const Plot& plot) : plot_(plot) {}

  std::string draw() {
    put("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", width, height,
        escape_html(plot_.title));
    put("<text class=\"title\" x=\"{}\" y=\"14\">{}</text>\n", left, escape_html(plot_.title));
    draw_legend();
    for (const PlotBand& band : plot_.bands) draw_band(band);
    draw_axes();
    for (const PlotLine& line : plot_.lines) draw_line(line);
    return std::move(text_) + "</svg>\n";
  }

 private:
  template <class... Arguments>
  void put(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Arguments>(arguments)...);
  }

  [[nodiscard]] double x_at(double x) const {
    return left + std::clamp(x / plot_.x_max, 0.0, 1.0) * (width - left - right);
  }
  [[nodiscard]] double y_at(double y) const {
    return height - bottom - std::clamp(y / plot_.y_max, 0.0, 1.0) * (height - top - bottom);
  }

  void draw_legend() {
    if (plot_.lines.size() < 2) return;
    double x = left;
    for (const PlotLine& line : plot_.lines) {
      put("<line class=\"s{}\" x1=\"{:.1f}\" y1=\"26\" x2=\"{:.1f}\" y2=\"26\"/>", line.colour, x,
          x + 16);
      put("<text x=\"{:.1f}\" y=\"30\">{}</text>\n", x + 21, escape_html(line.label));
      x += 36 + letter_width * static_cast<double>(line.label.size());
    }
  }

  void draw_band(const PlotBand& band) {
    const double from = x_at(band.from);
    put("<rect class=\"band\" x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\">"
        "<title>{}</title></rect>\n",
        from, top, x_at(band.to) - from, height - top - bottom, escape_html(band.label));
  }

  void draw_axes() {
    const double y_step = round_step(plot_.y_max);
    for (double y = 0; y <= plot_.y_max * 1.001; y += y_step) {
      put("<line class=\"grid\" x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\"/>", left, y_at(y),
          width - right, y_at(y));
      put("<text class=\"tick\" text-anchor=\"end\" x=\"{}\" y=\"{:.1f}\">{}{}</text>\n", left - 6,
          y_at(y) + 4, plain(y), escape_html(plot_.y_unit));
    }
    const double x_step = round_step(plot_.x_max);
    for (double x = 0; x <= plot_.x_max * 1.001; x += x_step) {
      put("<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{}\">{}</text>\n", x_at(x),
          height - bottom + 15, plain(x));
    }
    put("<text class=\"tick\" text-anchor=\"end\" x=\"{}\" y=\"{}\">{}</text>\n", width - right,
        height - 4, escape_html(plot_.x_label));
  }

  void draw_line(const PlotLine& line) {
    if (line.points.empty()) return;
    put("<polyline class=\"s{}\" points=\"", line.colour);
    for (const auto& [x, y] : line.points) put("{:.1f},{:.1f} ", x_at(x), y_at(y));
    put("\"><title>{}</title></polyline>\n", escape_html(line.label));
    if (!line.marks) return;
    for (const auto& [x, y] : line.points) {
      put("<circle class=\"s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"><title>{}: {} at {}</title>"
          "</circle>\n",
          line.colour, x_at(x), y_at(y), escape_html(line.label), plain(y), plain(x));
    }
  }

  static std::string plain(double number) { return fmt::format("{:.4g}", number + 0.0); }

  const Plot& plot_;
  std::string text_;
};

}  // namespace

std::string svg_plot(const Plot& plot) { return Drawing(plot).draw(); }

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += letter;
    }
  }
  return escaped;
}

double round_step(double span) {
  double step = std::pow(10, std::floor(std::log10(span)) - 1);
  for (const double factor : {2.0, 2.5, 2.0, 2.0, 2.5, 2.0}) {
    if (span / step <= parts_max) break;
    step *= factor;
  }
  return step;
}

}  // namespace holdfast::drill
