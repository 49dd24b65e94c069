// SPDX-License-Identifier: GPL-3.0-or-later
// Responses that say no more than why there is no answer. Neither allocates nor reads zones.
#pragma once

#include "answer/outcome.h"
#include "exchange/answer_policy.h"
#include "exchange/client.h"
#include "wire/query.h"

namespace holdfast::answer {

// For a request that another process was to answer and cannot now: SERVFAIL, "not ready".
// `out` holds at least 512 bytes. `now_s` is wall time, for cookies.
Outcome decline(const wire::Query& query, const exchange::Client& client,
                const exchange::AnswerPolicy& policy, uint32_t now_s, MutableBytes out);

// For a question that is not answered to a sender who may be forged: BADCOOKIE with the cookie to
// come back with (RFC 7873 §5.2.3), or TC if it brought none, to come by TCP. No larger than what
// was asked but for the cookie.
Outcome ask_for_proof(const wire::Query& query, const exchange::Client& client,
                      const exchange::AnswerPolicy& policy, uint32_t now_s, MutableBytes out);

}  // namespace holdfast::answer
