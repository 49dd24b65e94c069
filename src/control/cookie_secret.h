// SPDX-License-Identifier: GPL-3.0-or-later
// The secret behind server cookies where the configuration gives none: made once, kept in state.
//
// Kept, so that a restart does not turn every resolver's cookie into an invalid one. The file
// `cookie-secret` holds 32 hex digits and is readable by the server's user alone.
#pragma once

#include <string>

#include "base/error.h"
#include "exchange/answer_policy.h"

namespace holdfast::control {

// Reads the secret, or makes and keeps one. A file that cannot be understood is an error, not
// overwritten.
[[nodiscard]] Result<exchange::CookieSecret> keep_cookie_secret(const std::string& state_directory);
// For this run only; where none can be kept.
[[nodiscard]] exchange::CookieSecret make_cookie_secret();

}  // namespace holdfast::control
