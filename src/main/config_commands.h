// SPDX-License-Identifier: GPL-3.0-or-later
// `holdfast config …`: commands that look at a configuration, without a running server.
#pragma once

#include "main/command_line.h"
#include "main/exit_code.h"

namespace holdfast {

// Also finds the files of all zones; does not read them. Silent when all is well, unless to a
// terminal.
[[nodiscard]] ExitCode check_config(const Invocation& invocation);
[[nodiscard]] ExitCode print_config(const Invocation& invocation);
[[nodiscard]] ExitCode print_config_schema();
[[nodiscard]] ExitCode print_config_reference();

}  // namespace holdfast
