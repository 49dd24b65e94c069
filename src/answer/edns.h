// SPDX-License-Identifier: GPL-3.0-or-later
// The OPT record of a response (RFC 6891) and its options.
//
// Sent only to clients that sent one. Options are answered, never volunteered, but for the extended
// error, which stands in responses without records and so finds room. Padding takes what is left.
#pragma once

#include "answer/cookies.h"
#include "answer/draft.h"

namespace holdfast::answer {

// RFC 8467 §4.1: responses over encrypted transports are padded to a multiple of this.
constexpr size_t padding_block_bytes = 468;

// What to keep free for append_opt: an upper bound of what it will write for this request, padding
// and extended error aside.
[[nodiscard]] size_t opt_bytes_needed(const wire::Edns& asked,
                                      const exchange::AnswerPolicy& policy);

// Appends the OPT record. The upper bits of the draft's RCODE go into it.
void append_opt(Draft& draft, const wire::Query& query, const exchange::Client& client,
                const exchange::AnswerPolicy& policy, const CookieExchange& cookie);

}  // namespace holdfast::answer
