// SPDX-License-Identifier: GPL-3.0-or-later
// What a signed zone has at its apex beside its own records and those of its own keys: the keys and
// name servers of other signers (RFC 8901), what the parent is asked for, and RRsets that were
// signed elsewhere (offline KSK).
//
// A plain value; the signer refers to it.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "wire/name.h"

namespace holdfast::dnssec {

// DNSKEY, CDS or CDNSKEY with its signatures, as they are to be served.
struct GivenRrset {
  uint16_t type = 0;
  uint32_t ttl = 0;
  std::vector<std::vector<uint8_t>> rdata = {};       // in canonical order, at least one
  std::vector<std::vector<uint8_t>> signatures = {};  // RDATA of RRSIGs, in canonical order
};

struct ApexAdditions {
  std::vector<std::vector<uint8_t>> dnskeys = {};    // RDATA; keys of others that sign the zone
  std::vector<std::vector<uint8_t>> announced = {};  // DNSKEY RDATA; for CDS and CDNSKEY
  bool asks_for_removal = false;                     // of all DS (RFC 8078 §4)
  std::optional<std::vector<uint8_t>> csync = {};    // RDATA
  std::vector<wire::Name> name_servers = {};         // in the zone's NS, whatever its source says
  std::vector<wire::Name> name_servers_out = {};     // not in it
  // If any: all of DNSKEY, CDS and CDNSKEY.
  std::vector<GivenRrset> given = {};

  [[nodiscard]] bool changes_name_servers() const {
    return !name_servers.empty() || !name_servers_out.empty();
  }
};

// The RDATA of the zone's NS with these; never none. `source` is in canonical order, and so is what
// comes back.
[[nodiscard]] std::vector<std::vector<uint8_t>> name_servers_of(std::span<const Bytes> source,
                                                                const ApexAdditions& additions);

// RFC 7477 §2.1: the parent is to take NS, A and AAAA at once, from servers that have that serial.
[[nodiscard]] std::vector<uint8_t> make_csync_rdata(uint32_t serial);

}  // namespace holdfast::dnssec
