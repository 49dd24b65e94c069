// SPDX-License-Identifier: GPL-3.0-or-later
// Secrets of TSIG keys: base64, in the configuration or in files, also those that BIND's
// tsig-keygen and dnssec-keygen write.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace holdfast::config {

constexpr size_t key_secret_bytes_max = 512;

// Strict base64 (RFC 4648 §4) of 1 to key_secret_bytes_max bytes.
[[nodiscard]] std::optional<std::vector<uint8_t>> key_secret_from_text(std::string_view text);
// A file that holds the base64 alone, or BIND's `secret "…";` once. Its text, not decoded.
[[nodiscard]] Result<std::string> read_key_secret_file(const std::string& path);

}  // namespace holdfast::config
