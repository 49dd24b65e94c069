// SPDX-License-Identifier: GPL-3.0-or-later
// The algorithm of RFC 1034 §4.3.2 over all zones of the server, as RFC 2181, 2308, 4035, 4592,
// 5155, 6604, 6672, 8482 and 9471 amend it.
//
// Bound: alias_steps_max CNAME and DNAME steps a question; a resolver goes on from the last one.
#pragma once

#include "answer/draft.h"
#include "zone/name_search.h"

namespace holdfast::answer {

// More than honest chains need (BIND stops at 16 too); keeps the work of a question bounded.
constexpr size_t alias_steps_max = 16;

struct Question {
  wire::NameView name;
  uint16_t type;
};

// What the server does with a name that lies in none of its zones.
enum class Coverage : uint8_t { complete, still_loading };

// Fills answer, authority and additional sections, RCODE, AA, kind and extended error. `ahead` is
// the finished search for the question's name, or null.
void resolve(Draft& draft, const zone::MemoryReader& zones, const Question& question,
             const zone::NameSearch* ahead, Coverage coverage);

}  // namespace holdfast::answer
