// SPDX-License-Identifier: GPL-3.0-or-later
// Signs RRsets of one zone with one key: makes the RDATA of RRSIG records (RFC 4034 §3).
//
// Keeps its memory from one RRset to the next. One thread; each makes its own.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dnssec/rrsig.h"
#include "dnssec/zone_key.h"

namespace holdfast::dnssec {

// When a signature holds, in seconds since 1970.
struct Validity {
  uint32_t inception = 0;
  uint32_t expiration = 0;
};

class RrsetSigner {
 public:
  [[nodiscard]] static Result<RrsetSigner> make(const ZoneKey& key);

  // `rdata` is in canonical order, without copies. Appends to `rrsig_rdata`.
  [[nodiscard]] Result<void> sign(wire::NameView owner, uint16_t type, uint32_t ttl,
                                  std::span<const Bytes> rdata, Validity validity,
                                  std::vector<uint8_t>& rrsig_rdata);

 private:
  RrsetSigner(const ZoneKey& key, Signer signer);

  wire::Name zone_;
  uint8_t algorithm_;
  uint16_t tag_;
  Signer signer_;
  std::vector<uint8_t> data_;
};

}  // namespace holdfast::dnssec
