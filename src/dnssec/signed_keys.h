// SPDX-License-Identifier: GPL-3.0-or-later
// DNSKEY, CDS and CDNSKEY signed ahead, for a zone whose KSK is kept offline: requests that hold
// the ZSKs of each period, and responses that hold what is to be served in each.
//
// Both are texts in the form of Knot's keymgr: a line ";; KeySigningRequest 1.0 TIME" or
// ";; SignedKeyResponse 1.0 TIME" begins each period, its records follow, and the last such line
// says "generated". TIME is seconds since 1970, or YYYYMMDDHHMMSS as BIND's dnssec-ksr writes it.
// A response may come from either. Management only.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dnssec/apex_additions.h"
#include "dnssec/signing_policy.h"
#include "dnssec/zone_key.h"

namespace holdfast::dnssec {

constexpr size_t key_periods_max = 1000;
constexpr size_t key_text_bytes_max = size_t{16} << 20;

struct KeyPeriod {
  uint64_t begin_s = 0;
  std::vector<GivenRrset> rrsets;  // of a request: DNSKEY alone, without signatures

  [[nodiscard]] const GivenRrset* find(uint16_t type) const;
  // Of the first of its signatures; 0: it has none.
  [[nodiscard]] uint64_t expires_at_s(uint64_t now_s) const;
};
enum class KeyText : uint8_t { request, response };

// In order of time. The error names `source`, and the line or the period.
[[nodiscard]] Result<std::vector<KeyPeriod>> read_key_periods(std::string_view text,
                                                              const std::string& source,
                                                              wire::NameView zone, KeyText kind);
[[nodiscard]] std::string write_key_periods(std::span<const KeyPeriod> periods, wire::NameView zone,
                                            KeyText kind, uint64_t now_s);

// The periods of a request: one from `from_s`, and from each moment before `until_s` at which a ZSK
// comes or goes, and none longer than `length_s_max`.
[[nodiscard]] Result<std::vector<KeyPeriod>> make_key_request(std::span<const ZoneKey> zsks,
                                                              uint64_t from_s, uint64_t until_s,
                                                              uint64_t length_s_max,
                                                              uint32_t dnskey_ttl);
// What the keepers of `ksks` answer. Signatures of each period hold until `overlap_s` after the
// next begins, those of the last for `length_s_max` and that; KSKs are used by their times.
[[nodiscard]] Result<std::vector<KeyPeriod>> sign_key_request(std::span<const KeyPeriod> request,
                                                              std::span<const ZoneKey> ksks,
                                                              uint64_t length_s_max,
                                                              uint32_t overlap_s);

// Those that were taken, in the file "signed-keys" of the zone's key folder; none if there is none.
[[nodiscard]] Result<std::vector<KeyPeriod>> load_signed_keys(const std::string& folder,
                                                              wire::NameView zone);
[[nodiscard]] Result<void> save_signed_keys(std::span<const KeyPeriod> periods,
                                            const std::string& folder, wire::NameView zone,
                                            uint64_t now_s);
// `taken` from where `fresh` begins replaced by it. An error if the two have no KSK in common
// there: the parent's DS would lead nowhere.
[[nodiscard]] Result<std::vector<KeyPeriod>> join_key_periods(std::vector<KeyPeriod> taken,
                                                              std::vector<KeyPeriod> fresh);

// The one for `now_s`; null: it is not reached yet, or none is there.
[[nodiscard]] const KeyPeriod* period_at(std::span<const KeyPeriod> periods, uint64_t now_s);

// Whether a zone with these ZSKs, by their times, is sound with each period from `now_s` on: all
// ZSKs are in it, and its signatures hold from its begin to that of the next. The error names the
// period.
[[nodiscard]] Result<void> check_key_response(std::span<const KeyPeriod> periods,
                                              std::span<const ZoneKey> zsks, wire::NameView zone,
                                              uint64_t now_s);

}  // namespace holdfast::dnssec
