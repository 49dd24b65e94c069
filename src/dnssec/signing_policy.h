// SPDX-License-Identifier: GPL-3.0-or-later
// How a zone is signed: what the signer follows, as plain values.
#pragma once

#include <cstdint>

namespace holdfast::dnssec {

enum class DenialMethod : uint8_t {
  nsec,   // lets resolvers absorb floods of random names (RFC 8198)
  nsec3,  // hides names from whoever walks the chain; iterations 0, no salt (RFC 9276 §3.1)
};
enum class OptOut : uint8_t { no, yes };  // RFC 5155 §6; with nsec3 alone
enum class Zonemd : uint8_t { no, sha384, sha512 };

constexpr uint32_t seconds_a_day = 86400;

struct SigningPolicy {
  DenialMethod denial = DenialMethod::nsec;
  OptOut opt_out = OptOut::no;
  Zonemd zonemd = Zonemd::no;
  uint32_t dnskey_ttl = 3600;
  // A signature holds from `inception_offset_s` before it is made (for clocks that are behind) to
  // `validity_s` after, less a share of `jitter_s` so that not all expire at once. It is made anew
  // once it holds for `refresh_s` or less: so long may the signer be away.
  uint32_t validity_s = 30 * seconds_a_day;
  uint32_t refresh_s = 16 * seconds_a_day;
  uint32_t jitter_s = 3 * seconds_a_day;
  uint32_t inception_offset_s = 3600;
};

}  // namespace holdfast::dnssec
