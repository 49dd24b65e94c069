// SPDX-License-Identifier: GPL-3.0-or-later
// DNSKEY records and what is made from them: the key tag, DS, and CDS (RFC 4034, 4509, 6605, 7344).
//
// RDATA is uncompressed wire form. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "wire/name.h"

namespace holdfast::dnssec {

enum DnskeyFlag : uint16_t {
  flag_zone_key = 0x0100,
  flag_revoked = 0x0080,             // RFC 5011 §7
  flag_secure_entry_point = 0x0001,  // RFC 4034 §2.1.1: a KSK by custom
};
constexpr uint16_t flags_zsk = flag_zone_key;
constexpr uint16_t flags_ksk = flag_zone_key | flag_secure_entry_point;
constexpr uint8_t dnskey_protocol = 3;

struct Dnskey {
  uint16_t flags = 0;
  uint8_t protocol = 0;
  uint8_t algorithm = 0;
  Bytes public_key;

  // Nothing if it is too short to be one.
  [[nodiscard]] static std::optional<Dnskey> parse(Bytes rdata);
  // Whether RRSIGs of a zone may be verified with it (RFC 4034 §2.1).
  [[nodiscard]] bool is_zone_key() const {
    return (flags & flag_zone_key) != 0 && (flags & flag_revoked) == 0 &&
           protocol == dnskey_protocol;
  }
};

[[nodiscard]] std::vector<uint8_t> make_dnskey_rdata(uint16_t flags, uint8_t algorithm,
                                                     Bytes public_key);
// RFC 4034 Appendix B.
[[nodiscard]] uint16_t key_tag(Bytes dnskey_rdata);

enum class DsDigest : uint8_t { sha256 = 2, sha384 = 4 };

struct Ds {
  uint16_t key_tag = 0;
  uint8_t algorithm = 0;
  uint8_t digest_type = 0;
  Bytes digest;

  [[nodiscard]] static std::optional<Ds> parse(Bytes rdata);
};

// The RDATA of the DS, and so of the CDS, that stands for a key of the zone `owner`.
[[nodiscard]] std::vector<uint8_t> make_ds_rdata(wire::NameView owner, Bytes dnskey_rdata,
                                                 DsDigest digest);
// Whether `ds` stands for the key. False for digests that are not known here.
[[nodiscard]] bool ds_matches(const Ds& ds, wire::NameView owner, Bytes dnskey_rdata);

}  // namespace holdfast::dnssec
