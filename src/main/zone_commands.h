// SPDX-License-Identifier: GPL-3.0-or-later
// `holdfast zone …`: zones of the running server.
#pragma once

#include "main/command_line.h"
#include "main/exit_code.h"

namespace holdfast {

[[nodiscard]] ExitCode list_running_zones(const Invocation& invocation);
[[nodiscard]] ExitCode show_zone_status(const Invocation& invocation);
[[nodiscard]] ExitCode refresh_zone(const Invocation& invocation);
// Of the running server, or of a file if the invocation names one.
[[nodiscard]] ExitCode print_zone(const Invocation& invocation);

}  // namespace holdfast
