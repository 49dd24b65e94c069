// SPDX-License-Identifier: GPL-3.0-or-later
// The DNSSEC algorithms that this program signs with and verifies, and what is known of each.
//
// Numbers and mnemonics are IANA's. Others (RSA with SHA-1, DSA, GOST) are unknown here, as if they
// did not exist: RFC 8624 §3.1 wants no new signatures by them. Immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace holdfast::dnssec {

enum Algorithm : uint8_t {
  rsa_sha256 = 8,          // RFC 5702
  rsa_sha512 = 10,         // RFC 5702
  ecdsa_p256_sha256 = 13,  // RFC 6605
  ecdsa_p384_sha384 = 14,  // RFC 6605
  ed25519 = 15,            // RFC 8080
  ed448 = 16,              // RFC 8080
};

struct AlgorithmInfo {
  uint8_t number = 0;
  std::string_view mnemonic = {};
  std::string_view digest = {};  // OpenSSL's name; empty where the algorithm hashes by itself
  size_t public_key_bytes = 0;   // in a DNSKEY; 0: it varies (RSA)
  size_t signature_bytes = 0;    // in an RRSIG; 0: it varies (RSA)
  [[nodiscard]] bool is_rsa() const { return public_key_bytes == 0; }
  [[nodiscard]] bool is_ecdsa() const {
    return number == ecdsa_p256_sha256 || number == ecdsa_p384_sha384;
  }
};

// RSA moduli that are made and taken: RFC 5702 §2 begins lower, but less than 1024 can be broken.
constexpr unsigned rsa_bits_min = 1024;
constexpr unsigned rsa_bits_max = 4096;
constexpr unsigned rsa_bits_usual = 2048;

[[nodiscard]] std::span<const AlgorithmInfo> all_algorithms();
// Null if it is not known here.
[[nodiscard]] const AlgorithmInfo* find_algorithm(uint8_t number);
// By mnemonic in any case, or number.
[[nodiscard]] const AlgorithmInfo* find_algorithm(std::string_view text);

}  // namespace holdfast::dnssec
