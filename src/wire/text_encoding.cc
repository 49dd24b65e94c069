// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/text_encoding.h"

namespace holdfast::wire {

namespace {

constexpr std::string_view hex_digits = "0123456789ABCDEF";
constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base32_digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

// Digits of `digit_bits` bits each, the last one filled up with zeros.
void append_digits(std::string& text, Bytes bytes, std::string_view digits, unsigned digit_bits) {
  const uint32_t mask = (1U << digit_bits) - 1;
  uint32_t held = 0;
  unsigned held_bits = 0;
  for (const uint8_t byte : bytes) {
    held = (held << 8 | byte) & 0xFFFF;
    held_bits += 8;
    while (held_bits >= digit_bits) {
      held_bits -= digit_bits;
      text += digits[held >> held_bits & mask];
    }
  }
  if (held_bits > 0) text += digits[held << (digit_bits - held_bits) & mask];
}

}  // namespace

void append_hex(std::string& text, Bytes bytes) { append_digits(text, bytes, hex_digits, 4); }

void append_base64(std::string& text, Bytes bytes) {
  append_digits(text, bytes, base64_digits, 6);
  text.append((3 - bytes.size() % 3) % 3, '=');
}

std::optional<std::vector<uint8_t>> read_base64(std::string_view text) {
  std::vector<uint8_t> bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t held = 0;
  unsigned held_bits = 0;
  size_t digits = 0;
  size_t padding = 0;
  for (const char digit : text) {
    if (digit == ' ' || digit == '\t') continue;
    if (digit == '=') {
      ++padding;
      continue;
    }
    const size_t value = base64_digits.find(digit);
    if (value == std::string_view::npos || padding > 0) return std::nullopt;
    ++digits;
    held = (held << 6 | static_cast<uint32_t>(value)) & 0xFFFF;
    held_bits += 6;
    if (held_bits < 8) continue;
    held_bits -= 8;
    bytes.push_back(static_cast<uint8_t>(held >> held_bits));
  }
  // Whole groups of four, at most two of them padding, and no bits set that stand for nothing.
  if ((digits + padding) % 4 != 0 || padding > 2 || (held & ((1U << held_bits) - 1)) != 0) {
    return std::nullopt;
  }
  return bytes;
}

void append_base32hex(std::string& text, Bytes bytes) {
  append_digits(text, bytes, base32_digits, 5);
}

void append_quoted(std::string& text, Bytes bytes) {
  text += '"';
  for (const uint8_t byte : bytes) {
    if (byte == '"' || byte == '\\') {
      text += '\\';
      text += static_cast<char>(byte);
    } else if (byte >= 0x20 && byte < 0x7F) {
      text += static_cast<char>(byte);
    } else {
      text += '\\';
      text += static_cast<char>('0' + byte / 100);
      text += static_cast<char>('0' + byte / 10 % 10);
      text += static_cast<char>('0' + byte % 10);
    }
  }
  text += '"';
}

}  // namespace holdfast::wire
