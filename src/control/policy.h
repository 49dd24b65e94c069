// SPDX-License-Identifier: GPL-3.0-or-later
// From the configuration to what the answer processes follow. Pure.
#pragma once

#include "base/error.h"
#include "config/config.h"
#include "exchange/answer_policy.h"

namespace holdfast::control {

// `kept_secret` is used where the configuration has no cookie secret. `zones_complete` is false.
[[nodiscard]] Result<exchange::AnswerPolicy> make_policy(const config::Config& config,
                                                         const exchange::CookieSecret& kept_secret);

}  // namespace holdfast::control
