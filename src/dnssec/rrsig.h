// SPDX-License-Identifier: GPL-3.0-or-later
// RRSIG records: their fields, what they sign in canonical form (RFC 4034 §3, §6; RFC 6840 §5), and
// times in serial arithmetic.
//
// Pure functions over bytes; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "wire/name.h"

namespace holdfast::dnssec {

constexpr size_t rrsig_head_bytes = 18;   // up to the signer's name
constexpr size_t rrsig_algorithm_at = 2;  // RFC 4034 §3.1
constexpr size_t rrsig_tag_at = 16;

struct Rrsig {
  uint16_t type_covered = 0;
  uint8_t algorithm = 0;
  uint8_t labels = 0;
  uint32_t original_ttl = 0;
  uint32_t expiration = 0;  // seconds since 1970, modulo 2^32
  uint32_t inception = 0;
  uint16_t key_tag = 0;
  wire::NameView signer;
  Bytes signature;

  // Nothing if it is not well formed, or has no signature.
  [[nodiscard]] static std::optional<Rrsig> parse(Bytes rdata);
  // RDATA without the signature, the signer in lower case: what is signed first.
  void append_head(std::vector<uint8_t>& bytes) const;
};

// RFC 1982 §3.2, which RFC 4034 §3.1.5 wants for times.
[[nodiscard]] constexpr bool is_before(uint32_t a, uint32_t b) {
  return a != b && b - a < 0x80000000U;
}
// From the first second of its validity to the last.
[[nodiscard]] bool is_valid_at(const Rrsig& rrsig, uint64_t now_s);

// RFC 4034 §3.1.3: labels of an owner, without a leading asterisk.
[[nodiscard]] uint8_t signed_labels(wire::NameView owner);

// What is signed for one RRset (RFC 4034 §3.1.8.1). `rdata` is in canonical order, without copies.
// Replaces `bytes`. False if a record is not well formed, or `rrsig.labels` does not fit the owner.
[[nodiscard]] bool make_signed_data(const Rrsig& rrsig, wire::NameView owner,
                                    std::span<const Bytes> rdata, std::vector<uint8_t>& bytes);

}  // namespace holdfast::dnssec
