// SPDX-License-Identifier: GPL-3.0-or-later
// The response to a request that another process was to answer and cannot now: SERVFAIL, "not
// ready". Neither allocates nor reads zones.
#pragma once

#include "answer/outcome.h"
#include "exchange/answer_policy.h"
#include "exchange/client.h"
#include "wire/query.h"

namespace holdfast::answer {

// `out` holds at least 512 bytes. `now_s` is wall time, for cookies.
Outcome decline(const wire::Query& query, const exchange::Client& client,
                const exchange::AnswerPolicy& policy, uint32_t now_s, MutableBytes out);

}  // namespace holdfast::answer
