// SPDX-License-Identifier: GPL-3.0-or-later
// Rolls a zone's keys by setting the times in them: who follows those times needs no other state.
//
// A ZSK is published ahead (RFC 6781 §4.1.1.1): the new one is in the zone before it signs, the old
// one stays until its signatures have left all caches. A KSK or CSK signs beside its successor
// (§4.1.2, §4.1.3) until the parent's DS stands for the new one, which somebody must say. A new
// algorithm comes and goes like a CSK, with signatures and DNSKEY at once (RFC 6840 §5.11 makes
// validators content with either).
//
// Each function gives the keys to be saved, in this order; what was saved before a crash is found
// by the next call, which goes on from there. Pure; any thread.
#pragma once

#include <span>
#include <vector>

#include "dnssec/new_key.h"

namespace holdfast::dnssec {

struct RolloverTimes {
  uint32_t dnskey_ttl_s = 3600;   // of the zone's DNSKEY records
  uint32_t ttl_max_s = 86400;     // the largest TTL in the zone
  uint32_t ds_ttl_s = 86400;      // of the DS at the parent
  uint32_t propagation_s = 3600;  // until all secondaries serve a change
};

// In the place of the same key with other times, or beside the others.
void put_key(std::vector<ZoneKey>& keys, const ZoneKey& key);

// Of the zone's ZSK; of its algorithm. An error if there is none that signs. No new key has a tag
// of `keys` or `others`, which are keys of other signers.
[[nodiscard]] Result<std::vector<ZoneKey>> roll_zsk(std::span<const ZoneKey> keys, uint64_t now_s,
                                                    const RolloverTimes& times, const MakeKey& make,
                                                    const TakenTags& others = {});
// Of the zone's KSK or CSK, to whatever algorithm `make` gives. With a new algorithm and a ZSK, the
// new key signs all, and the ZSK goes with the old KSK.
[[nodiscard]] Result<std::vector<ZoneKey>> roll_entry_point(std::span<const ZoneKey> keys,
                                                            uint64_t now_s,
                                                            const RolloverTimes& times,
                                                            const MakeKey& make,
                                                            const TakenTags& others = {});
// Moves the times of a ZSK rollover that would go on too early: no successor signs before
// `known_s(successor)`, and those before it sign until then. To be saved in this order; none if
// nothing has to wait.
[[nodiscard]] std::vector<ZoneKey> hold_zsks(
    std::span<const ZoneKey> keys, uint64_t now_s,
    const std::function<uint64_t(const ZoneKey& successor)>& known_s);
// The parent's DS stands for the newest entry point: the others may go. An error before its CDS is
// published, as the parent cannot have seen it then.
[[nodiscard]] Result<std::vector<ZoneKey>> confirm_ds(std::span<const ZoneKey> keys, uint64_t now_s,
                                                      const RolloverTimes& times);

}  // namespace holdfast::dnssec
