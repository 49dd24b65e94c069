// SPDX-License-Identifier: GPL-3.0-or-later
// Keyed hashes: a fast mixer for tables whose keys strangers choose, and SipHash-2-4 for cookies.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace holdfast {

struct HashKey {
  uint64_t low = 0;
  uint64_t high = 0;
  friend bool operator==(const HashKey&, const HashKey&) = default;
};

// One step of the mixer: the folded 128-bit product. Not cryptographic; tables that use it bound
// their buckets.
[[nodiscard]] inline uint64_t hash_mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<__uint128_t>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// The mixer over bytes of any length.
[[nodiscard]] uint64_t hash_bytes(Bytes bytes, const HashKey& key);

// SipHash-2-4 with a 64-bit result (Aumasson and Bernstein 2012), as RFC 9018 §4.4 uses it. The
// key's bytes are in the order in which the 16-byte secret is written.
[[nodiscard]] uint64_t siphash24(Bytes bytes, Bytes key_16_bytes);

}  // namespace holdfast
