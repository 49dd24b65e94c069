// SPDX-License-Identifier: GPL-3.0-or-later
// Values as literals that TOML and JSON both read alike.
#pragma once

#include <string>
#include <string_view>

#include "config/keys.h"

namespace holdfast::config {

// In double quotes, with the escapes that both languages know.
[[nodiscard]] std::string quote(std::string_view text);
[[nodiscard]] std::string to_literal(const Value& value);

}  // namespace holdfast::config
