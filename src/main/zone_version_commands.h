// SPDX-License-Identifier: GPL-3.0-or-later
// The commands about versions of zones of the running server: zone history, diff, rollback, freeze.
#pragma once

#include "main/command_line.h"

namespace holdfast {

[[nodiscard]] ExitCode show_zone_history(const Invocation& invocation);
[[nodiscard]] ExitCode show_zone_difference(const Invocation& invocation);
[[nodiscard]] ExitCode roll_back_zone(const Invocation& invocation);
[[nodiscard]] ExitCode freeze_zone(const Invocation& invocation);

}  // namespace holdfast
