// SPDX-License-Identifier: GPL-3.0-or-later
// How a log line looks: from level, category, message and fields to text or JSON.
//
// Pure. Control characters and quotes in values are escaped, so that no value can begin a line of
// its own. Bound: a line is cut at line_bytes_max.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::log {

enum class Level : uint8_t { debug, info, warning, error };
enum class Category : uint8_t {
  supervisor,
  worker,
  control,
  config,
  zones,
  reload,
  metrics,
  dnstap,
  transfer
};
enum class Format : uint8_t { text, json };
// Whether the reader of the lines adds time and level itself.
enum class Framing : uint8_t { plain, journal };

struct Field {
  std::string_view key;  // lower case letters and '_'
  std::string value;
};

struct Line {
  Level level = Level::info;
  Category category = Category::control;
  std::string_view event;
  std::string_view message;
  std::span<const Field> fields;
};

// journald's default LineMax is 48 KiB; a line of findings stays far below it.
constexpr size_t line_bytes_max = 4096;

[[nodiscard]] std::string_view level_name(Level level);
[[nodiscard]] std::string_view category_name(Category category);

// Without a final newline. `unix_time_ms` is UTC.
[[nodiscard]] std::string render_line(const Line& line, Format format, Framing framing,
                                      uint64_t unix_time_ms);

}  // namespace holdfast::log
