// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/literal.h"

#include <fmt/format.h>

namespace holdfast::config {

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    if (byte == '"' || byte == '\\') {
      quoted += '\\';
      quoted += byte;
    } else if (value < ' ' || value == 0x7f) {
      quoted += fmt::format("\\u{:04X}", value);
    } else {
      quoted += byte;
    }
  }
  return quoted + '"';
}

std::string to_literal(const Value& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* number = std::get_if<uint32_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return quote(*text);
  std::string array = "[";
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    if (array.size() > 1) array += ", ";
    array += quote(text);
  }
  return array + "]";
}

}  // namespace holdfast::config
