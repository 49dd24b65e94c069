// SPDX-License-Identifier: GPL-3.0-or-later
// The OPT record of a response (RFC 6891) and its options.
//
// Sent only to clients that sent one. Options are answered, never volunteered, but for the extended
// error. Bound: opt_bytes_max, which the caller reserves; padding takes what is left over.
#pragma once

#include "answer/cookies.h"
#include "answer/draft.h"

namespace holdfast::answer {

// Without padding: the record's head, then NSID, cookie, EXPIRE, ZONEVERSION, keepalive, EDE.
constexpr size_t opt_bytes_max = 11 + (4 + 128) + (4 + 24) + (4 + 4) + (4 + 6) + (4 + 2) + (4 + 2);

// RFC 8467 §4.1: responses over encrypted transports are padded to a multiple of this.
constexpr size_t padding_block_bytes = 468;

// An upper bound of what append_opt will write for this request, padding aside.
[[nodiscard]] size_t opt_bytes_needed(const wire::Edns& asked,
                                      const exchange::AnswerPolicy& policy);

// Appends the OPT record. The upper bits of the draft's RCODE go into it.
void append_opt(Draft& draft, const wire::Query& query, const exchange::Client& client,
                const exchange::AnswerPolicy& policy, const CookieExchange& cookie);

}  // namespace holdfast::answer
