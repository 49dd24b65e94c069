// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/denial_profile.h"

#include <algorithm>

#include "wire/types.h"

namespace holdfast::zone {

namespace {

constexpr uint8_t nsec3_sha1 = 1;
// Algorithm, flags, iterations, salt length: NSEC3 and NSEC3PARAM begin alike (RFC 5155 §3.2,
// §4.2).
constexpr size_t nsec3_fixed_bytes = 5;

// Calls visit(rdata) for the records of one type until it returns true.
template <typename Visit>
bool any_rdata(const layout::Node* node, uint16_t type, Visit&& visit) {
  const uint8_t* at = layout::first_record(node);
  for (size_t i = 0; i < node->rrset_count; ++i) {
    const layout::RrsetEntry entry = layout::rrset_entry(node, i);
    if (entry.type == type) {
      for (size_t record = 0; record < entry.count; ++record) {
        const size_t length = load_be16(at + layout::record_length_offset);
        at += layout::record_header_bytes;
        if (visit(Bytes(at, length))) return true;
        at += length;
      }
      return false;
    }
    at += entry.record_bytes + entry.signature_bytes;
  }
  return false;
}

bool has_whole_salt(Bytes rdata) {
  return rdata.size() >= nsec3_fixed_bytes && rdata.size() >= nsec3_fixed_bytes + rdata[4];
}

}  // namespace

DenialProfile DenialProfile::of_apex(const layout::Node* apex) {
  DenialProfile profile;
  profile.nsec = layout::node_has_type(apex, wire::type_nsec);
  profile.nsec3 = any_rdata(apex, wire::type_nsec3param, [&](Bytes rdata) {
    // RFC 5155 §4.1.2: records with flags other than zero are ignored.
    if (!has_whole_salt(rdata) || rdata[0] != nsec3_sha1 || rdata[1] != 0) return false;
    profile.algorithm = rdata[0];
    profile.iterations = load_be16(&rdata[2]);
    profile.salt_bytes = rdata[4];
    std::ranges::copy(rdata.subspan(nsec3_fixed_bytes, rdata[4]), profile.salt.begin());
    return true;
  });
  return profile;
}

bool DenialProfile::matches_nsec3(const layout::Node* node) const {
  constexpr uint8_t hash_label_bytes = 32;  // base32hex of SHA-1
  const Bytes owner = layout::owner_of(node);
  if (!nsec3 || owner.size() != 1U + hash_label_bytes || owner[0] != hash_label_bytes) return false;
  return any_rdata(node, wire::type_nsec3, [&](Bytes rdata) {
    return has_whole_salt(rdata) && rdata[0] == algorithm && load_be16(&rdata[2]) == iterations &&
           std::ranges::equal(rdata.subspan(nsec3_fixed_bytes, rdata[4]),
                              Bytes(salt).first(salt_bytes));
  });
}

uint32_t serial_of_apex(const layout::Node* apex) {
  constexpr size_t soa_numbers_bytes = 20;  // serial, refresh, retry, expire, minimum
  uint32_t serial = 0;
  any_rdata(apex, wire::type_soa, [&](Bytes rdata) {
    if (rdata.size() >= soa_numbers_bytes) {
      serial = load_be32(rdata.last(soa_numbers_bytes).data());
    }
    return true;
  });
  return serial;
}

}  // namespace holdfast::zone
