// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/key_secret.h"

#include "base/file.h"

namespace holdfast::config {

namespace {

constexpr size_t file_bytes_max = 65536;
constexpr std::string_view white_space = " \t\r\n";
constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string_view trim(std::string_view text) {
  const size_t start = text.find_first_not_of(white_space);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(white_space) - start + 1);
}

// What stands in quotes or up to a semicolon behind the word `secret`.
std::string_view secret_of_statement(std::string_view text) {
  constexpr std::string_view word = "secret";
  const size_t at = text.find(word);
  if (at == std::string_view::npos) return text;
  std::string_view value = trim(text.substr(at + word.size()));
  if (value.starts_with('"')) {
    value.remove_prefix(1);
    return value.substr(0, value.find('"'));
  }
  return trim(value.substr(0, value.find(';')));
}

}  // namespace

std::optional<std::vector<uint8_t>> key_secret_from_text(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::vector<uint8_t> bytes;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_padding = i >= text.size() - padding;
    const size_t value = is_padding ? 0 : digits.find(text[i]);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) bytes.push_back(static_cast<uint8_t>(bits >> shift));
    bits = 0;
  }
  bytes.resize(bytes.size() - padding);
  if (bytes.empty() || bytes.size() > key_secret_bytes_max) return std::nullopt;
  return bytes;
}

Result<std::string> read_key_secret_file(const std::string& path) {
  const std::string content = TRY(read_file(path, file_bytes_max));
  std::string secret(secret_of_statement(trim(content)));
  // What the file holds instead is not shown: it may be a secret of another kind.
  if (!key_secret_from_text(secret)) {
    return fail(path + ": expected the base64 of a key's secret, alone or as BIND's secret \"…\";");
  }
  return secret;
}

}  // namespace holdfast::config
