// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/secret.h"

#include "base/file.h"

namespace holdfast::config {

namespace {

constexpr size_t secret_file_bytes_max = 4096;
constexpr std::string_view white_space = " \t\r\n";

std::optional<uint8_t> digit_value(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<uint8_t>(digit - '0');
  const char lower = static_cast<char>(digit | 0x20);
  if (lower >= 'a' && lower <= 'f') return static_cast<uint8_t>(lower - 'a' + 10);
  return std::nullopt;
}

}  // namespace

std::string secret_to_text(const CookieSecret& secret) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : secret) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::optional<CookieSecret> secret_from_text(std::string_view text) {
  CookieSecret secret{};
  if (text.size() != 2 * secret.size()) return std::nullopt;
  for (size_t i = 0; i < secret.size(); ++i) {
    const std::optional<uint8_t> high = digit_value(text[2 * i]);
    const std::optional<uint8_t> low = digit_value(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    secret[i] = static_cast<uint8_t>(*high << 4 | *low);
  }
  return secret;
}

Result<CookieSecret> read_secret_file(const std::string& path) {
  const std::string content = TRY(read_file(path, secret_file_bytes_max));
  const size_t start = content.find_first_not_of(white_space);
  const size_t end = content.find_last_not_of(white_space);
  std::optional<CookieSecret> secret;
  if (start != std::string::npos) {
    secret = secret_from_text(std::string_view(content).substr(start, end - start + 1));
  }
  // What the file holds instead is not shown: it may be a secret of another kind.
  if (!secret) return fail(path + ": expected a cookie secret of 32 hexadecimal digits");
  return *secret;
}

}  // namespace holdfast::config
