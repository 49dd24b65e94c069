// SPDX-License-Identifier: GPL-3.0-or-later
// Signs a whole zone: DNSKEY, CDS and CDNSKEY from its keys, a chain of NSEC or NSEC3, an RRSIG for
// all that the zone is authoritative for (RFC 4035 §2), ZONEMD if wanted.
//
// With the signed version before it, signatures are made only where an RRset is new, has changed or
// must be refreshed; all else is kept. Its cost is then one walk over both. The same input gives
// the same output, but for ECDSA signatures, which differ each time. On `threads` threads beside
// the caller's while it runs.
#pragma once

#include <optional>
#include <span>

#include "base/hash.h"
#include "dnssec/apex_additions.h"
#include "dnssec/signing_policy.h"
#include "dnssec/zone_key.h"
#include "zone/contents.h"

namespace holdfast::dnssec {

struct SigningTask {
  // Finished. Signed or not: RRSIG, NSEC, NSEC3, and at the apex DNSKEY, CDS, CDNSKEY, CSYNC,
  // NSEC3PARAM and ZONEMD are passed over and made anew.
  const zone::Contents* records = nullptr;
  const zone::Contents* before = nullptr;  // the version before, signed; null: none
  std::span<const ZoneKey> keys = {};      // those that are used at `now_s` are used
  SigningPolicy policy = {};
  const ApexAdditions* additions = nullptr;  // null: none
  uint64_t now_s = 0;
  std::optional<uint32_t> serial = {};  // of the SOA; none: as it is
  HashKey jitter_key = {};              // spreads expiry over the policy's jitter
  unsigned threads = 1;
};

struct SignedZone {
  zone::Contents contents;
  size_t signatures_made = 0;
  size_t signatures_kept = 0;
  // Whether anything differs from the version before.
  bool has_changed = false;
  // When the first signature must be refreshed.
  uint64_t refresh_at_s = UINT64_MAX;
};

[[nodiscard]] Result<SignedZone> sign_zone(const SigningTask& task);

}  // namespace holdfast::dnssec
