// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/algorithm.h"

#include <algorithm>
#include <array>
#include <string>

namespace holdfast::dnssec {

namespace {

constexpr std::array algorithms{
    AlgorithmInfo{.number = rsa_sha256, .mnemonic = "RSASHA256", .digest = "SHA256"},
    AlgorithmInfo{.number = rsa_sha512, .mnemonic = "RSASHA512", .digest = "SHA512"},
    AlgorithmInfo{.number = ecdsa_p256_sha256,
                  .mnemonic = "ECDSAP256SHA256",
                  .digest = "SHA256",
                  .public_key_bytes = 64,
                  .signature_bytes = 64},
    AlgorithmInfo{.number = ecdsa_p384_sha384,
                  .mnemonic = "ECDSAP384SHA384",
                  .digest = "SHA384",
                  .public_key_bytes = 96,
                  .signature_bytes = 96},
    AlgorithmInfo{
        .number = ed25519, .mnemonic = "ED25519", .public_key_bytes = 32, .signature_bytes = 64},
    AlgorithmInfo{
        .number = ed448, .mnemonic = "ED448", .public_key_bytes = 57, .signature_bytes = 114},
};

bool equals_without_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char left, char right) {
    const auto upper = [](char byte) {
      return byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 'a' + 'A') : byte;
    };
    return upper(left) == upper(right);
  });
}

}  // namespace

std::span<const AlgorithmInfo> all_algorithms() { return algorithms; }

const AlgorithmInfo* find_algorithm(uint8_t number) {
  const auto found = std::ranges::find(algorithms, number, &AlgorithmInfo::number);
  return found == algorithms.end() ? nullptr : &*found;
}

const AlgorithmInfo* find_algorithm(std::string_view text) {
  const auto found = std::ranges::find_if(algorithms, [&](const AlgorithmInfo& info) {
    return equals_without_case(info.mnemonic, text) || std::to_string(info.number) == text;
  });
  return found == algorithms.end() ? nullptr : &*found;
}

}  // namespace holdfast::dnssec
