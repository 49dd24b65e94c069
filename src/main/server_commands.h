// SPDX-License-Identifier: GPL-3.0-or-later
// `holdfast status` and `holdfast reload`: the running server as a whole.
#pragma once

#include "main/command_line.h"
#include "main/exit_code.h"

namespace holdfast {

[[nodiscard]] ExitCode show_status(const Invocation& invocation);
// Returns once the server has applied everything, or refused and kept all as it was.
[[nodiscard]] ExitCode reload(const Invocation& invocation);
// The same for the file of a zone that was frozen.
[[nodiscard]] ExitCode thaw_zone(const Invocation& invocation);

}  // namespace holdfast
