// SPDX-License-Identifier: GPL-3.0-or-later
// `holdfast zone check` and `zone print` on zone files, without a running server.
#pragma once

#include "main/command_line.h"
#include "main/exit_code.h"
#include "main/record_printer.h"

namespace holdfast {

// Silent when all is well, unless to a terminal. Warnings alone are no failure.
[[nodiscard]] ExitCode check_zone_file(const Invocation& invocation);
// Names in canonical order (RFC 4034 §6.1), the SOA first, RRSIGs behind what they cover.
[[nodiscard]] ExitCode print_zone_file(const Invocation& invocation, RecordPrinter& printer);

}  // namespace holdfast
