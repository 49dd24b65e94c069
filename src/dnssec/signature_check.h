// SPDX-License-Identifier: GPL-3.0-or-later
// Tells whether the RRSIGs of one zone's RRsets hold (RFC 4035 §5.3), within a bounded amount of
// work whoever made the zone (CVE-2023-50387, "KeyTrap": many keys with one tag, many signatures).
//
// One thread; each makes its own. Time comes from the caller.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "dnssec/public_key.h"
#include "dnssec/rrsig.h"

namespace holdfast::dnssec {

enum class SignatureFault : uint8_t {
  none,
  malformed,
  wrong_type,
  wrong_signer,  // not the zone
  wrong_labels,  // not those of the owner
  wrong_ttl,     // the RRset's TTL is above the signed one (RFC 4035 §5.3.1, §5.3.3)
  not_yet_valid,
  expired,
  unknown_key,      // no DNSKEY of the zone with this tag and algorithm
  unsupported_key,  // its algorithm is not known here, or the key is malformed
  wrong_signature,
  too_much_work,
};
// Such as "has expired", to follow "a signature by key 12345".
[[nodiscard]] std::string_view fault_text(SignatureFault fault);

// Whether signatures are computed, or only their fields compared.
enum class Depth : uint8_t { fields, signatures };

class SignatureCheck {
 public:
  // What resolvers accept, and more than any zone needs.
  static constexpr size_t keys_max = 64;
  static constexpr size_t keys_per_tag_max = 4;
  static constexpr size_t attempts_per_rrset_max = 16;

  // `dnskeys` are RDATA that outlive this; those beyond keys_max are not seen.
  SignatureCheck(wire::NameView zone, std::span<const Bytes> dnskeys);

  struct Rrset {
    wire::NameView owner;
    uint16_t type = 0;
    uint32_t ttl = 0;
    std::span<const Bytes> rdata;  // in canonical order, without copies
  };
  // Attempts are counted from here.
  void begin_rrset() { attempts_ = 0; }
  // `key` becomes the index of the DNSKEY that made it, if the fault is none.
  [[nodiscard]] SignatureFault check(const Rrset& rrset, Bytes rrsig_rdata, uint64_t now_s,
                                     Depth depth, size_t& key);

 private:
  struct Key {
    Bytes rdata;
    uint16_t tag;
    uint8_t algorithm;
    bool is_tried = false;
    std::vector<PublicKey> public_key;  // one once it was needed, none if it cannot be used
  };
  [[nodiscard]] SignatureFault try_key(Key& key, const Rrsig& rrsig, const Rrset& rrset);

  wire::Name zone_;
  std::vector<Key> keys_;
  std::vector<uint8_t> data_;
  size_t attempts_ = 0;
};

}  // namespace holdfast::dnssec
