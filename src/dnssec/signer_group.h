// SPDX-License-Identifier: GPL-3.0-or-later
// Signers of one zone as a group (RFC 8901, model 2): how one joins and leaves, and what of our own
// rolls must wait for the others (draft-ietf-dnsop-dnssec-automation).
//
// One that joins: all have each other's ZSKs; then the parent has its DS; then its servers are in
// NS. One that leaves goes the same way back. Each step waits until what the parent and all other
// signers really serve has been in all caches, and is taken by `advance` alone, from what is kept
// (other_signer.h) and what was seen: it may be repeated, and done without for any time. What the
// others are to do, their operators or their servers do; here it is waited for.
// Pure; any thread.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "dnssec/rollover.h"
#include "dnssec/signer_sighting.h"

namespace holdfast::dnssec {

struct GroupSighting {
  uint64_t now_s = 0;
  ParentSighting parent;
  std::map<std::string, SignerSighting> signers;  // by name
};

struct Group {
  wire::NameView zone;
  std::span<const ZoneKey> own;
  std::span<const std::string> wanted;  // names of those that are to be members
  RolloverTimes times;
};

// Learns the keys that the signers serve, and takes each to its next phase if its time has come.
// Gives sentences on what has changed.
std::vector<std::string> advance(std::vector<OtherSigner>& signers, const Group& group,
                                 const GroupSighting& seen);

// Keys of ours whose rollover goes on without the other signers: with times that wait for them. To
// be saved in this order; none if nothing has to wait.
[[nodiscard]] std::vector<ZoneKey> hold_for_signers(std::span<const ZoneKey> own,
                                                    std::span<const OtherSigner> signers,
                                                    uint64_t now_s, const RolloverTimes& times);
// Whether all signers that are asked have had this key of ours for so long that nobody's DNSKEY is
// without it. A KSK, which signs nothing that is looked up with their keys, needs not be there.
[[nodiscard]] bool is_known_to_all(const ZoneKey& key, std::span<const ZoneKey> own,
                                   std::span<const OtherSigner> signers, uint64_t now_s,
                                   const RolloverTimes& times);

}  // namespace holdfast::dnssec
