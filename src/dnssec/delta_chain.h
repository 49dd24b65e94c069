// SPDX-License-Identifier: GPL-3.0-or-later
// Mends the chain of NSEC or NSEC3 records where a draft changes a zone: which records are new,
// which are other ones, which go.
//
// Both look at the settled names and at the published version beside them, and give their records
// in order. The published version was signed here, so that its chain is whole. One thread.
#pragma once

#include <optional>
#include <vector>

#include "dnssec/nsec3_hash.h"
#include "dnssec/signing_policy.h"
#include "zone/draft.h"

namespace holdfast::dnssec {

// A name's place in the chain after the change.
struct ChainRecord {
  zone::DraftNode node;        // of an NSEC3 record: without records
  std::vector<uint8_t> rdata;  // empty: the name has none any more
};

// What stands in the bitmap for a settled name: its own types with those that the signer adds.
struct DeltaNames {
  zone::Draft& draft;
  const std::vector<zone::DraftNode>& nodes;  // settled, in order
  const std::vector<uint16_t>& apex_types;    // that the signer adds at the apex
};

// One for each of `names.nodes`, and for neighbours outside of them, in canonical order.
[[nodiscard]] std::vector<ChainRecord> mend_nsec(const DeltaNames& names);

// NSEC3 records that differ, in order of their hashes; nothing if two names have one hash.
[[nodiscard]] std::optional<std::vector<ChainRecord>> mend_nsec3(const DeltaNames& names,
                                                                 OptOut opt_out);

}  // namespace holdfast::dnssec
