// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/lifted_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace holdfast::config {

namespace {

constexpr uint32_t plane_first = 0xF0000;
constexpr uint32_t plane_last = 0xFFFFF;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_ascii(char byte) { return static_cast<unsigned char>(byte) < 0x80; }
bool is_surrogate(uint32_t letter) { return letter >= 0xD800 && letter <= 0xDFFF; }

// RFC 3629 §3: the letter at `at`, which is moved past it. None if the bytes are not one.
std::optional<uint32_t> read_letter(std::string_view text, size_t& at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const size_t more = first < 0xC0 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : first < 0xF8 ? 3 : 0;
  if (more == 0 || at + more >= text.size()) return std::nullopt;
  uint32_t letter = first & (0x3FU >> more);
  for (size_t i = 1; i <= more; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xC0) != 0x80) return std::nullopt;
    letter = letter << 6 | (next & 0x3FU);
  }
  constexpr std::array<uint32_t, 4> least{0, 0x80, 0x800, 0x10000};
  if (letter < least[more] || letter > 0x10FFFF || is_surrogate(letter)) return std::nullopt;
  at += more + 1;
  return letter;
}

// Letters beyond ASCII only.
void append_letter(std::string& text, uint32_t letter) {
  const auto put = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (letter < 0x800) {
    put(0xC0 | letter >> 6);
  } else {
    if (letter < 0x10000) {
      put(0xE0 | letter >> 12);
    } else {
      put(0xF0 | letter >> 18);
      put(0x80 | (letter >> 12 & 0x3F));
    }
    put(0x80 | (letter >> 6 & 0x3F));
  }
  put(0x80 | (letter & 0x3F));
}

}  // namespace

std::expected<std::string, size_t> lift_text(std::string_view text) {
  if (std::ranges::all_of(text, is_ascii)) return std::string(text);
  size_t at = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  std::string lifted(text.substr(0, at));
  while (at < text.size()) {
    if (is_ascii(text[at])) {
      lifted += text[at++];
      continue;
    }
    const size_t start = at;
    const std::optional<uint32_t> letter = read_letter(text, at);
    if (!letter || (*letter >= plane_first && *letter <= plane_last)) {
      return std::unexpected(start);
    }
    append_letter(lifted, *letter <= 0xFFFF ? *letter + plane_first : *letter);
  }
  return lifted;
}

std::string lower_text(std::string_view text) {
  std::string lowered;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const std::optional<uint32_t> letter =
        is_ascii(text[at]) ? std::nullopt : read_letter(text, at);
    const uint32_t below = letter.value_or(0) - plane_first;
    if (letter && below >= 0x80 && below <= 0xFFFF && !is_surrogate(below)) {
      append_letter(lowered, below);
      continue;
    }
    if (!letter) ++at;
    lowered += text.substr(start, at - start);
  }
  return lowered;
}

}  // namespace holdfast::config
