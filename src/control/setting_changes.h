// SPDX-License-Identifier: GPL-3.0-or-later
// What differs between two configurations, as sentences for the one who reloads. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace holdfast::control {

// "tcp.idle_ms: 10000 to 500", one a key; the values of secrets are not shown. Zones are not in it.
[[nodiscard]] std::vector<std::string> describe_changes(const config::Config& before,
                                                        const config::Config& after);

}  // namespace holdfast::control
