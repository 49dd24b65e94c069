// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/generate.h"

#include <charconv>
#include <limits>

namespace holdfast::zone {

namespace {

constexpr uint64_t value_max = std::numeric_limits<int32_t>::max();
constexpr unsigned width_max = 255;  // no name is longer

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && stopped == text.data() + text.size();
}

struct Modifier {
  int64_t offset = 0;
  unsigned width = 0;
  char base = 'd';
};

// From the text between the braces.
bool read_modifier(std::string_view text, Modifier& modifier) {
  const size_t first_comma = text.find(',');
  if (!read_number(text.substr(0, first_comma), modifier.offset)) return false;
  if (modifier.offset > static_cast<int64_t>(value_max) ||
      modifier.offset < -static_cast<int64_t>(value_max)) {
    return false;
  }
  if (first_comma == std::string_view::npos) return true;
  text.remove_prefix(first_comma + 1);
  const size_t second_comma = text.find(',');
  if (!read_number(text.substr(0, second_comma), modifier.width)) return false;
  if (modifier.width > width_max) return false;
  if (second_comma == std::string_view::npos) return true;
  text.remove_prefix(second_comma + 1);
  if (text.size() != 1 || !std::string_view("doxXnN").contains(text[0])) return false;
  modifier.base = text[0];
  return true;
}

std::string nibbles(uint64_t value, const Modifier& modifier) {
  const std::string_view digits = modifier.base == 'n' ? "0123456789abcdef" : "0123456789ABCDEF";
  std::string text;
  do {
    if (!text.empty()) text += '.';
    text += digits[value & 0xF];
    value >>= 4;
    // Width counts the dots too: a further digit if there is room for its dot at least.
  } while (value != 0 || text.size() < modifier.width);
  return text;
}

std::string format(int64_t value, const Modifier& modifier) {
  const auto magnitude = static_cast<uint64_t>(value < 0 ? -value : value);
  if (modifier.base == 'n' || modifier.base == 'N') return nibbles(magnitude, modifier);
  const int base = modifier.base == 'd' ? 10 : modifier.base == 'o' ? 8 : 16;
  std::string digits(24, '\0');
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  digits.resize(static_cast<size_t>(result.ptr - digits.data()));
  if (modifier.base == 'X') {
    for (char& digit : digits) {
      if (digit >= 'a') digit = static_cast<char>(digit - 'a' + 'A');
    }
  }
  const std::string sign = value < 0 ? "-" : "";
  const size_t size = sign.size() + digits.size();
  const size_t zeros = modifier.width > size ? modifier.width - size : 0;
  return sign + std::string(zeros, '0') + digits;
}

}  // namespace

Result<GenerateRange> read_generate_range(std::string_view text) {
  const auto fault = [&](const std::string& why) {
    return fail("$GENERATE range '" + std::string(text) + "' " + why);
  };
  GenerateRange range;
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  if (dash == std::string_view::npos || !read_number(text.substr(0, dash), range.first) ||
      !read_number(
          text.substr(dash + 1, slash == std::string_view::npos ? slash : slash - dash - 1),
          range.last) ||
      (slash != std::string_view::npos && !read_number(text.substr(slash + 1), range.step))) {
    return fault("is not of the form first-last or first-last/step");
  }
  if (range.first > range.last) return fault("ends before it begins");
  if (range.step == 0) return fault("has a step of 0");
  if (range.last > value_max) return fault("goes beyond " + std::to_string(value_max));
  const uint64_t count = (range.last - range.first) / range.step + 1;
  if (count > generate_records_max) {
    return fault("gives " + std::to_string(count) + " records; at most " +
                 std::to_string(generate_records_max) + " are allowed");
  }
  return range;
}

Result<std::string> expand_template(std::string_view text, uint64_t value) {
  std::string expanded;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) {
      expanded += text[at];
      expanded += text[++at];
    } else if (text.substr(at).starts_with("$$")) {
      expanded += "\\$";
      ++at;
    } else if (text[at] != '$') {
      expanded += text[at];
    } else {
      Modifier modifier;
      if (at + 1 < text.size() && text[at + 1] == '{') {
        const size_t close = text.find('}', at);
        if (close == std::string_view::npos ||
            !read_modifier(text.substr(at + 2, close - at - 2), modifier)) {
          return fail("'" + std::string(text.substr(at, close - at + 1)) +
                      "' is not of the form ${offset,width,base}");
        }
        at = close;
      }
      expanded += format(static_cast<int64_t>(value) + modifier.offset, modifier);
    }
  }
  return expanded;
}

}  // namespace holdfast::zone
