// SPDX-License-Identifier: GPL-3.0-or-later
// Which records of a signed zone the signer makes, and those that it makes at the apex from keys
// and policy alone.
//
// Pure functions; any thread.
#pragma once

#include <vector>

#include "dnssec/apex_additions.h"
#include "dnssec/key_roles.h"
#include "dnssec/signing_policy.h"

namespace holdfast::dnssec {

// Made by the signer, at any name.
[[nodiscard]] bool is_made_anywhere(uint16_t type);
// Made by the signer, at the apex.
[[nodiscard]] bool is_made_at_apex(uint16_t type);

struct MadeRecords {
  uint16_t type = 0;
  uint32_t ttl = 0;
  std::vector<std::vector<uint8_t>> rdata;       // sorted, at least one
  std::vector<std::vector<uint8_t>> signatures;  // if they were made elsewhere
  bool is_given = false;                         // then these signatures are the only ones
};

// DNSKEY, CDS, CDNSKEY, CSYNC and NSEC3PARAM, where there are any. `additions` may be null.
[[nodiscard]] std::vector<MadeRecords> make_apex_records(wire::NameView apex, const KeyRoles& roles,
                                                         const SigningPolicy& policy,
                                                         const ApexAdditions* additions);

}  // namespace holdfast::dnssec
