// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/metrics_text.h"

#include <fmt/format.h>

#include "base/check.h"

namespace holdfast::control {

namespace {

bool is_metric_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char character : name) {
    const bool good = (character >= 'a' && character <= 'z') || character == '_' ||
                      (character >= '0' && character <= '9');
    if (!good) return false;
  }
  return true;
}

std::string_view type_name(MetricsText::Type type) {
  switch (type) {
    case MetricsText::Type::counter:
      return "counter";
    case MetricsText::Type::gauge:
      return "gauge";
    case MetricsText::Type::histogram:
      return "histogram";
  }
  return "untyped";
}

}  // namespace

void MetricsText::begin_family(std::string_view name, Type type, std::string_view help) {
  CHECK(is_metric_name(name));
  CHECK((type == Type::counter) == name.ends_with("_total"));
  CHECK(help.find('\n') == std::string_view::npos && help.find('\\') == std::string_view::npos);
  family_ = name;
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type_name(type));
}

void MetricsText::add_sample(std::string_view labels, uint64_t value) {
  write_sample("", labels, fmt::format("{}", value));
}

void MetricsText::add_sample(std::string_view labels, double value) {
  write_sample("", labels, fmt::format("{}", value));
}

void MetricsText::add_histogram(std::string_view labels, std::span<const double> upper_bounds,
                                std::span<const uint64_t> counts, double sum) {
  CHECK(counts.size() == upper_bounds.size() + 1);
  uint64_t total = 0;
  const std::string prefix = labels.empty() ? std::string() : std::string(labels) + ",";
  for (size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    const std::string bound =
        i < upper_bounds.size() ? fmt::format("{}", upper_bounds[i]) : std::string("+Inf");
    write_sample("_bucket", prefix + label("le", bound), fmt::format("{}", total));
  }
  write_sample("_sum", labels, fmt::format("{}", sum));
  write_sample("_count", labels, fmt::format("{}", total));
}

std::string MetricsText::label(std::string_view name, std::string_view value) {
  CHECK(is_metric_name(name));
  std::string out(name);
  out += "=\"";
  for (const char character : value) {
    if (character == '"' || character == '\\') out += '\\';
    if (character == '\n') {
      out += "\\n";
    } else {
      out += character;
    }
  }
  out += '"';
  return out;
}

void MetricsText::write_sample(std::string_view suffix, std::string_view labels,
                               std::string_view number) {
  text_ += family_;
  text_ += suffix;
  if (!labels.empty()) {
    text_ += '{';
    text_ += labels;
    text_ += '}';
  }
  text_ += ' ';
  text_ += number;
  text_ += '\n';
}

}  // namespace holdfast::control
