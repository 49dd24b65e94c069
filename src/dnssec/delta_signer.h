// SPDX-License-Identifier: GPL-3.0-or-later
// Signs what a draft changes in a zone that was signed here: the RRsets that differ, and the NSEC
// or NSEC3 records of the changed names and of their neighbours in the chain.
//
// The result is what sign_zone would make of the whole zone, but that signatures elsewhere are not
// looked at. Every signature that is made is verified. The cost is that of the changed names. What
// concerns the whole zone (other keys, another policy, another TTL of denial, ZONEMD, and name
// servers where other signers or the parent take part) is for sign_zone. One thread.
#pragma once

#include <optional>
#include <span>

#include "base/hash.h"
#include "dnssec/apex_additions.h"
#include "dnssec/signing_policy.h"
#include "dnssec/zone_key.h"
#include "zone/draft.h"

namespace holdfast::dnssec {

struct DeltaTask {
  zone::Draft& draft;  // takes what is_from_source allows; with the new SOA
  std::span<const ZoneKey> keys = {};
  SigningPolicy policy = {};
  const ApexAdditions* additions = nullptr;  // null: none
  uint64_t now_s = 0;
  HashKey jitter_key = {};
};

struct SignedDelta {
  zone::StagedChange change;
  size_t signatures_made = 0;
  size_t signatures_kept = 0;
  // When the first of its signatures must be refreshed.
  uint64_t refresh_at_s = UINT64_MAX;
};

// Nothing: the whole zone has to be signed.
[[nodiscard]] Result<std::optional<SignedDelta>> sign_delta(const DeltaTask& task);

// Whether records of that type are the zone's own, and not made by the signer: for zone::Draft.
[[nodiscard]] bool is_from_source(const zone::NodeView& node, uint16_t type);
[[nodiscard]] bool is_from_source(bool is_apex, uint16_t type);

}  // namespace holdfast::dnssec
