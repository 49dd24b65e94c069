// SPDX-License-Identifier: GPL-3.0-or-later
// `holdfast serve`: opens sockets, shares memory, drops privileges, and keeps the answer processes
// and control running.
#pragma once

#include <string>

#include "main/exit_code.h"

namespace holdfast {

// Returns after SIGTERM or SIGINT. What is wrong at start is told on standard error in one
// sentence, and ends the program.
[[nodiscard]] ExitCode serve(const std::string& config_path);

}  // namespace holdfast
