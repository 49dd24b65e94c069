// SPDX-License-Identifier: GPL-3.0-or-later
// What of a rollover waits because no version of the zone went with it.
//
// A key's times take for granted that a version is made when one of them comes. If nobody signs for
// long, two of them may come with one version: a ZSK begins to sign with its DNSKEY, or its
// predecessor leaves with its signatures, and what caches hold is bogus until it expires. So the
// later step comes as long after the version that goes with the earlier one as the times had it, or
// as long as caches need if that is less (RFC 7583 §3.2 and §3.3). Times without such a gap are the
// operator's wish. Pure; any thread.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "dnssec/rollover.h"

namespace holdfast::dnssec {

// Of the version that is served until the next is made; nothing: it is not signed.
struct VersionKeys {
  std::vector<Bytes> dnskeys = {};         // RDATA
  std::vector<Bytes> soa_signatures = {};  // RDATA
};

// Keys with later times, to be saved in this order. None if `times` of all were followed in time.
[[nodiscard]] std::vector<ZoneKey> hold_for_version(std::span<const ZoneKey> own,
                                                    const VersionKeys& version, uint64_t now_s,
                                                    const RolloverTimes& times);

}  // namespace holdfast::dnssec
