// SPDX-License-Identifier: GPL-3.0-or-later
// The configuration that is in force, kept in the state directory.
//
// Control that was started again goes on with what the last start or reload applied, not with what
// an operator may have written into the file since. `applied-config` is that configuration printed
// whole; it may contain secrets and is readable by the server's user alone.
#pragma once

#include <string>

#include "config/config.h"

namespace holdfast::control {

[[nodiscard]] Result<void> keep_applied_config(const config::Config& config);
// Fails if none was kept there, or it is damaged.
[[nodiscard]] Result<config::Config> load_applied_config(const std::string& state_directory);

}  // namespace holdfast::control
