// SPDX-License-Identifier: GPL-3.0-or-later
// `holdfast key …`: the keys of one zone, in the folder where the server keeps them or in another.
// Needs no running server.
#pragma once

#include "main/command_line.h"
#include "main/exit_code.h"

namespace holdfast {

[[nodiscard]] ExitCode generate_key(const Invocation& invocation);
[[nodiscard]] ExitCode list_keys(const Invocation& invocation);
[[nodiscard]] ExitCode print_ds(const Invocation& invocation);
[[nodiscard]] ExitCode import_key(const Invocation& invocation);
[[nodiscard]] ExitCode export_keys(const Invocation& invocation);
// These change the times in key files (dnssec/rollover.h); the server follows them once it has been
// told to reload the zone.
[[nodiscard]] ExitCode roll_key(const Invocation& invocation);
[[nodiscard]] ExitCode confirm_submission(const Invocation& invocation);

}  // namespace holdfast
