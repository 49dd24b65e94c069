// SPDX-License-Identifier: GPL-3.0-or-later
// `holdfast key status` and `key forget`: how far a zone's keys, its other signers and its way to
// be unsigned have come, and what each waits for. Needs no running server.
#pragma once

#include "main/command_line.h"
#include "main/exit_code.h"

namespace holdfast {

[[nodiscard]] ExitCode show_key_status(const Invocation& invocation);
[[nodiscard]] ExitCode forget_signer(const Invocation& invocation);

}  // namespace holdfast
