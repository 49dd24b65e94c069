// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/token_uri.h"

#include <algorithm>
#include <optional>

namespace holdfast {

namespace {

constexpr std::string_view scheme = "pkcs11:";
constexpr std::string_view file_scheme = "file:";

std::optional<unsigned> hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  const char lower = static_cast<char>(digit | 0x20);
  if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a') + 10;
  return std::nullopt;
}

Result<std::string> unescaped(std::string_view text) {
  std::string value;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      value += text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low) return fail("a % without two hexadecimal digits behind it");
    value += static_cast<char>(*high << 4 | *low);
    i += 2;
  }
  return value;
}

// RFC 7512 §2.3: the rest may stand as it is, the slash only in the query.
std::string escaped(std::string_view value, std::string_view plain_too) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  for (const char byte : value) {
    const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                          (byte >= '0' && byte <= '9') ||
                          std::string_view("-._~").find(byte) != std::string_view::npos ||
                          plain_too.find(byte) != std::string_view::npos;
    const auto number = static_cast<uint8_t>(byte);
    if (is_plain) {
      text += byte;
    } else {
      text += {'%', digits[number >> 4], digits[number & 15]};
    }
  }
  return text;
}

Result<void> take(TokenUri& uri, std::string_view name, std::string value) {
  if (name == "token") {
    uri.token = std::move(value);
  } else if (name == "object") {
    uri.object = std::move(value);
  } else if (name == "id") {
    uri.id.assign(value.begin(), value.end());
  } else if (name == "module-path") {
    uri.module = std::move(value);
  } else if (name == "pin-source") {
    if (value.starts_with(file_scheme)) value.erase(0, file_scheme.size());
    uri.pin_file = std::move(value);
  } else if (name == "pin-value") {
    return fail("pin-value holds a secret; expected pin-source=file:PATH");
  } else if (name != "type") {
    return fail(std::string(name) +
                " is not understood; expected token, object, id, module-path and pin-source");
  }
  return {};
}

}  // namespace

Result<TokenUri> TokenUri::from_text(std::string_view text) {
  if (!text.starts_with(scheme)) {
    return fail("\"" + std::string(text) +
                "\" is no token; expected pkcs11:token=NAME?module-path=FILE");
  }
  text.remove_prefix(scheme.size());
  TokenUri uri;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(";?&"), text.size());
    const std::string_view attribute = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (attribute.empty()) continue;
    const size_t equals = attribute.find('=');
    if (equals == std::string_view::npos) {
      return fail("pkcs11: \"" + std::string(attribute) + "\"; expected NAME=VALUE");
    }
    auto value = unescaped(attribute.substr(equals + 1));
    if (!value) return fail("pkcs11: " + value.error().message);
    if (auto taken = take(uri, attribute.substr(0, equals), *std::move(value)); !taken) {
      return fail("pkcs11: " + taken.error().message);
    }
  }
  if (uri.token.empty()) return fail("pkcs11: no token=NAME, which says what token it is");
  if (!uri.module.starts_with('/')) {
    return fail("pkcs11: no module-path=FILE with a full path, which is the token's library");
  }
  return uri;
}

std::string TokenUri::to_text() const {
  std::string text = std::string(scheme) + "token=" + escaped(token, "");
  if (!object.empty()) text += ";object=" + escaped(object, "");
  if (!id.empty()) {
    text += ";id=";
    for (const uint8_t byte : id) {
      constexpr std::string_view digits = "0123456789ABCDEF";
      text += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  text += "?module-path=" + escaped(module, "/");
  if (!pin_file.empty()) text += "&pin-source=file:" + escaped(pin_file, "/");
  return text;
}

}  // namespace holdfast
