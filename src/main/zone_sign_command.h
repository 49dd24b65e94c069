// SPDX-License-Identifier: GPL-3.0-or-later
// `holdfast zone sign`: a zone file and a folder of keys into a signed zone file, without a server.
#pragma once

#include "main/command_line.h"
#include "main/exit_code.h"

namespace holdfast {

// What it did is told on standard error. The output replaces an older file whole or not at all.
[[nodiscard]] ExitCode sign_zone_file(const Invocation& invocation);

}  // namespace holdfast
