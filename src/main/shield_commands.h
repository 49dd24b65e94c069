// SPDX-License-Identifier: GPL-3.0-or-later
// `holdfast shield …`: who is answered under overload, and why.
#pragma once

#include "main/command_line.h"
#include "main/exit_code.h"

namespace holdfast {

[[nodiscard]] ExitCode show_shield_status(const Invocation& invocation);
[[nodiscard]] ExitCode show_shield_top(const Invocation& invocation);
[[nodiscard]] ExitCode explain_to_operator(const Invocation& invocation);
// `allow`, `deny`, `forget`, `dry-run`.
[[nodiscard]] ExitCode steer_shield(const Invocation& invocation);

}  // namespace holdfast
