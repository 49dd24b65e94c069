// SPDX-License-Identifier: GPL-3.0-or-later
// Cookie secrets as text: 32 hexadecimal digits, in configuration and in secret files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "config/config.h"

namespace holdfast::config {

[[nodiscard]] std::string secret_to_text(const CookieSecret& secret);
[[nodiscard]] std::optional<CookieSecret> secret_from_text(std::string_view text);
// A file that holds the digits and nothing else but white space around them.
[[nodiscard]] Result<CookieSecret> read_secret_file(const std::string& path);

}  // namespace holdfast::config
