// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/cookie_secret.h"

#include <sys/random.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"

namespace holdfast::control {

namespace {

constexpr size_t hex_digits = 2 * sizeof(exchange::CookieSecret);

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

Result<exchange::CookieSecret> parse_secret(std::string_view text, const std::string& path) {
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.remove_suffix(1);
  exchange::CookieSecret secret{};
  bool good = text.size() == hex_digits;
  for (size_t i = 0; good && i < secret.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    good = high >= 0 && low >= 0;
    secret[i] = static_cast<uint8_t>(high * 16 + low);
  }
  // The text itself is not shown: part of it may be a secret.
  if (!good) return fail(path + ": not 32 hexadecimal digits; remove the file to have a new one");
  return secret;
}

}  // namespace

exchange::CookieSecret make_cookie_secret() {
  exchange::CookieSecret secret{};
  CHECK(::getrandom(secret.data(), secret.size(), 0) == static_cast<ssize_t>(secret.size()));
  return secret;
}

Result<exchange::CookieSecret> keep_cookie_secret(const std::string& state_directory) {
  const std::string path = state_directory + "/cookie-secret";
  if (::access(path.c_str(), F_OK) == 0) {
    return parse_secret(TRY(read_file(path, 1024)), path);
  }
  const exchange::CookieSecret secret = make_cookie_secret();
  std::string text;
  for (const uint8_t byte : secret) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15U];
  }
  text += '\n';
  TRY(replace_file(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()}, 0600));
  return secret;
}

}  // namespace holdfast::control
