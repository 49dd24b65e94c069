// SPDX-License-Identifier: GPL-3.0-or-later
// Where a name stands in a zone: RFC 1034 §4.3.2 step 3, with wildcards as RFC 4592 and DNAME as
// RFC 6672 have it.
//
// Costs one look-up for a name that exists, the logarithm of the zone's depth for others.
#pragma once

#include "zone/name_search.h"

namespace holdfast::answer {

enum class Match : uint8_t {
  exact,       // the name is there, perhaps as an empty non-terminal
  wildcard,    // it is not, but "*.<closest encloser>" is (RFC 4592 §3.3.1)
  delegation,  // at or below a zone cut
  dname,       // below the owner of a DNAME
  none,        // it does not exist
};

struct Location {
  Match match;
  // The name itself, the wildcard, the cut, the DNAME's owner; for `none` the closest encloser.
  zone::NodeView node;
  // Labels of the closest encloser, of the cut or of the DNAME's owner.
  size_t labels;
};

// `name` is at or below the apex of `zone`, which is available; `encloser` is what it has of the
// name. At a cut itself a question for DS is the parent's to answer (RFC 4035 §3.1.4.1), so it
// matches exactly.
[[nodiscard]] Location locate(const zone::MemoryReader& zones, const zone::ZoneView& zone,
                              wire::NameView name, const wire::SuffixHashes& hashes,
                              const zone::Encloser& encloser, uint16_t qtype);

}  // namespace holdfast::answer
