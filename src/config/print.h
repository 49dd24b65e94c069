// SPDX-License-Identifier: GPL-3.0-or-later
// A Config written out whole, defaults included, as TOML or JSON.
//
// The TOML gives the same Config when it is parsed again. Secrets are written as they stand in the
// configuration; a secret from a file stays the name of the file.
#pragma once

#include <string>

#include "config/config.h"

namespace holdfast::config {

[[nodiscard]] std::string print_toml(const Config& config);
[[nodiscard]] std::string print_json(const Config& config);

}  // namespace holdfast::config
