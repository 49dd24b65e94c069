// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/text_encoding.h"

#include <string_view>

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
