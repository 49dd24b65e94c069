// SPDX-License-Identifier: GPL-3.0-or-later
// Which NSEC or NSEC3 records prove to a validator that something does not exist (RFC 4035 §3.1.3,
// RFC 5155 §7.2).
//
// Each function collects its proofs in the draft, which writes each record once. All do nothing for
// unsigned zones and for clients that did not ask. Cost: two look-ups with NSEC; with NSEC3 at most
// three hashes, and one more for each unsigned ancestor that opt-out left without a record.
#pragma once

#include "answer/draft.h"

namespace holdfast::answer {

// A name that does not exist, whose closest encloser is its last `encloser_labels` labels.
struct MissingName {
  const zone::ZoneView& zone;
  wire::NameView name;
  size_t encloser_labels;
};

// Neither the name nor a wildcard that could stand for it (RFC 4035 §3.1.3.2, RFC 5155 §7.2.2).
void deny_name(Draft& draft, const MissingName& missing);
// The name is there without the type, DS at an unsigned delegation included (RFC 4035 §3.1.3.1 and
// §3.1.4, RFC 5155 §7.2.3, §7.2.4, §7.2.7).
void deny_type(Draft& draft, const zone::ZoneView& zone, wire::NameView name);
// A wildcard answered because the name itself is not there (RFC 4035 §3.1.3.3, RFC 5155 §7.2.6).
void deny_closer_match(Draft& draft, const MissingName& missing);
// The wildcard stands for the name but lacks the type (RFC 4035 §3.1.3.4, RFC 5155 §7.2.5).
void deny_type_at_wildcard(Draft& draft, const MissingName& missing);

}  // namespace holdfast::answer
