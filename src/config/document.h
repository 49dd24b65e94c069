// SPDX-License-Identifier: GPL-3.0-or-later
// A TOML document read into a Config by the table of keys (config/keys.h).
//
// The only unit that knows the TOML library. Used by config/load.h alone.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "config/load.h"

namespace holdfast::config {

// Everything that is wrong goes to `problems`; the result is meant to be used only if there are
// none.
[[nodiscard]] Config read_document(std::string_view text, const std::string& source,
                                   const std::string& base_directory, ProblemList& problems);

}  // namespace holdfast::config
