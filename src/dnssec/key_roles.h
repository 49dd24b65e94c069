// SPDX-License-Identifier: GPL-3.0-or-later
// Which of a zone's keys are published, and which sign what, at a moment.
//
// RFC 4035 §2.2: each algorithm of the DNSKEY records signs all of the zone. A key with the SEP
// flag signs the keys; for an algorithm that has no other key it signs the rest as well (a CSK),
// and the other way round. Refers to the keys, which outlive it.
#pragma once

#include <span>
#include <vector>

#include "dnssec/zone_key.h"

namespace holdfast::dnssec {

struct KeyRoles {
  std::vector<const ZoneKey*> published;  // DNSKEY records
  std::vector<const ZoneKey*> announced;  // CDS and CDNSKEY records
  std::vector<const ZoneKey*> for_keys;   // sign DNSKEY, CDS, CDNSKEY
  std::vector<const ZoneKey*> for_zone;   // sign all else
  bool awaits_announcement = false;       // none is announced, and one is to be, later

  // An error if a zone with these would be bogus or unsigned.
  [[nodiscard]] static Result<KeyRoles> at(std::span<const ZoneKey> keys, uint64_t now_s);
};

}  // namespace holdfast::dnssec
