// SPDX-License-Identifier: GPL-3.0-or-later
// `holdfast key request`, `sign-request` and `import-response`: a zone whose KSK is kept offline.
// The first and the last run where the zone is signed, the second where the KSK is.
#pragma once

#include "main/command_line.h"
#include "main/exit_code.h"

namespace holdfast {

[[nodiscard]] ExitCode request_keys(const Invocation& invocation);
[[nodiscard]] ExitCode sign_request(const Invocation& invocation);
[[nodiscard]] ExitCode import_response(const Invocation& invocation);

}  // namespace holdfast
