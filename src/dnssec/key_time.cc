// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/key_time.h"

#include <charconv>
#include <chrono>

namespace holdfast::dnssec {

namespace {

constexpr size_t digits_count = 14;

void append_padded(std::string& text, unsigned number, size_t width) {
  const std::string digits = std::to_string(number);
  if (digits.size() < width) text.append(width - digits.size(), '0');
  text += digits;
}

}  // namespace

std::string key_time_text(uint64_t unix_s) {
  const std::chrono::sys_seconds time{std::chrono::seconds(unix_s)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string text;
  append_padded(text, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  append_padded(text, static_cast<unsigned>(date.month()), 2);
  append_padded(text, static_cast<unsigned>(date.day()), 2);
  append_padded(text, static_cast<unsigned>(clock.hours().count()), 2);
  append_padded(text, static_cast<unsigned>(clock.minutes().count()), 2);
  append_padded(text, static_cast<unsigned>(clock.seconds().count()), 2);
  return text;
}

std::optional<uint64_t> parse_key_time(std::string_view text) {
  if (text.size() < digits_count) return std::nullopt;
  if (text.size() > digits_count && text[digits_count] != ' ') return std::nullopt;
  const auto number = [&](size_t at, size_t width) -> unsigned {
    unsigned value = 0;
    const char* begin = text.data() + at;
    const auto [end, error] = std::from_chars(begin, begin + width, value);
    return error == std::errc() && end == begin + width ? value : ~0U;
  };
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(number(0, 4))),
                                         std::chrono::month(number(4, 2)),
                                         std::chrono::day(number(6, 2)));
  const unsigned hour = number(8, 2);
  const unsigned minute = number(10, 2);
  const unsigned second = number(12, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const std::chrono::sys_seconds time = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                                        std::chrono::minutes(minute) + std::chrono::seconds(second);
  const int64_t unix_s = time.time_since_epoch().count();
  if (unix_s < 0) return std::nullopt;
  return static_cast<uint64_t>(unix_s);
}

}  // namespace holdfast::dnssec
