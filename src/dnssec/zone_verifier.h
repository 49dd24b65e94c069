// SPDX-License-Identifier: GPL-3.0-or-later
// Tells whether resolvers that validate would accept all of a signed zone, and if not, why.
//
// It checks the DNSKEY records, every signature, the chain of NSEC or NSEC3 records name by name
// and type by type, CDS and CDNSKEY, and ZONEMD. Its work is bounded by the zone's size
// (dnssec/signature_check.h). Faults are sentences that begin with the name and type.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dnssec/signature_check.h"
#include "zone/contents.h"

namespace holdfast::dnssec {

struct VerifyOptions {
  uint64_t now_s = 0;
  Depth depth = Depth::signatures;  // `fields` leaves out what takes nearly all the time
  unsigned threads = 1;             // beside the caller's
  size_t faults_max = 20;           // further ones are counted only
  std::span<const Bytes> ds = {};   // RDATA at the parent; none: not compared
};

struct Verification {
  std::vector<std::string> faults;
  size_t faults_suppressed = 0;
  size_t signatures = 0;               // that hold
  uint64_t expires_at_s = UINT64_MAX;  // the first of them
  [[nodiscard]] bool holds() const { return faults.empty(); }
};

[[nodiscard]] Verification verify_zone(const zone::Contents& contents,
                                       const VerifyOptions& options);

}  // namespace holdfast::dnssec
