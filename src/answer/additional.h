// SPDX-License-Identifier: GPL-3.0-or-later
// The additional section: addresses of name servers, and of nothing else (minimal responses).
//
// Addresses come from the zone that names the servers alone: what another zone of ours says of them
// would be out of bailiwick to the resolver, which drops it.
#pragma once

#include "answer/draft.h"

namespace holdfast::answer {

// For a referral at `cut`, whose node is given. Addresses of servers at or below the cut are
// required and lead to TC if they do not fit (RFC 9471 §3.1); sibling glue and the zone's own
// addresses are added while they do (§3.2).
void add_glue(Draft& draft, const zone::MemoryReader& zones, const zone::ZoneView& zone,
              const zone::NodeView& cut_node, wire::NameView cut);

// For an answer to NS: what the zone knows of its servers, glue included, while it fits.
void offer_addresses(Draft& draft, const zone::MemoryReader& zones, const zone::ZoneView& zone,
                     const zone::RrsetView& servers);

}  // namespace holdfast::answer
