// SPDX-License-Identifier: GPL-3.0-or-later
// Writes metrics in Prometheus' text format (version 0.0.4).
//
// A family is begun once, with its help and type, then its samples follow. Names are literals of
// the caller, and checked; label values are escaped. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::control {

class MetricsText {
 public:
  enum class Type : uint8_t { counter, gauge, histogram };
  // A counter's name ends in _total.
  void begin_family(std::string_view name, Type type, std::string_view help);
  // `labels` is as `label` writes one, several joined by commas, or empty.
  void add_sample(std::string_view labels, uint64_t value);
  void add_sample(std::string_view labels, double value);
  // `upper_bounds` without infinity; `counts` are of each bucket alone, one more than bounds.
  void add_histogram(std::string_view labels, std::span<const double> upper_bounds,
                     std::span<const uint64_t> counts, double sum);
  // `name="value"`, the value escaped.
  [[nodiscard]] static std::string label(std::string_view name, std::string_view value);

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void write_sample(std::string_view suffix, std::string_view labels, std::string_view number);

  std::string text_;
  std::string family_;
};

}  // namespace holdfast::control
