// SPDX-License-Identifier: GPL-3.0-or-later
// The hash of a name by which NSEC3 records deny it (RFC 5155 §5): iterated, salted SHA-1.
//
// On the way of a query: no allocation. Costs `iterations` + 1 SHA-1 blocks or more; the loader
// bounds the iterations of a zone (RFC 9276 §3.1). Thread: any.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "wire/name.h"

namespace holdfast::dnssec {

constexpr uint8_t nsec3_algorithm_sha1 = 1;
constexpr size_t nsec3_hash_bytes = 20;
constexpr size_t nsec3_salt_bytes_max = 255;

using Nsec3Hash = std::array<uint8_t, nsec3_hash_bytes>;

// `salt` has at most nsec3_salt_bytes_max bytes. The name's case is folded.
[[nodiscard]] Nsec3Hash nsec3_hash(wire::NameView name, Bytes salt, uint16_t iterations);

// The hash as the first label of an NSEC3 owner (RFC 4648 §7, no padding, lower case).
constexpr size_t nsec3_label_bytes = 32;
[[nodiscard]] std::array<char, nsec3_label_bytes> nsec3_label(const Nsec3Hash& hash);

}  // namespace holdfast::dnssec
