// SPDX-License-Identifier: GPL-3.0-or-later
// Class CH: what the server says of itself (RFC 4892). Names whose text is empty are refused.
#pragma once

#include "answer/draft.h"
#include "answer/resolve.h"
#include "exchange/answer_policy.h"

namespace holdfast::answer {

void answer_chaos(Draft& draft, const Question& question, const exchange::AnswerPolicy& policy);

}  // namespace holdfast::answer
