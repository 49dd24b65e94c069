// SPDX-License-Identifier: GPL-3.0-or-later
// The algorithms that a policy names, and private keys that are made by it.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "config/config.h"
#include "dnssec/private_key.h"
#include "log/log.h"

namespace holdfast::control {

[[nodiscard]] constexpr uint8_t algorithm_number(config::SigningAlgorithm algorithm) {
  // In the order of config::SigningAlgorithm.
  constexpr std::array<uint8_t, 6> numbers{dnssec::rsa_sha256,        dnssec::rsa_sha512,
                                           dnssec::ecdsa_p256_sha256, dnssec::ecdsa_p384_sha384,
                                           dnssec::ed25519,           dnssec::ed448};
  return numbers[static_cast<size_t>(algorithm)];
}

// In the policy's token, under the zone's name, or with us. The algorithm is one that is known.
[[nodiscard]] inline Result<dnssec::PrivateKey> make_private_key(
    const std::string& zone, const config::PolicySetting& policy, uint8_t algorithm) {
  const dnssec::AlgorithmInfo& info = *dnssec::find_algorithm(algorithm);
  if (policy.token.empty()) return dnssec::PrivateKey::generate(info, policy.rsa_bits);
  return dnssec::PrivateKey::generate_in(TRY(TokenUri::from_text(policy.token)), info,
                                         policy.rsa_bits, zone);
}

// As make_private_key does; tests have others.
using GenerateKey = std::function<Result<dnssec::PrivateKey>(
    const std::string& zone, const config::PolicySetting& policy, uint8_t algorithm)>;

// Of so many keys that were made only the last is used (dnssec/new_key.h).
inline void log_tries(const std::string& zone, unsigned made) {
  if (made <= 1) return;
  log::info(log::Category::zones, "key-tag-taken",
            "zone " + zone + ": " + std::to_string(made - 1) +
                " of its new keys had the tag of another of its keys, and another was made",
            {{"zone", zone}, {"refused", std::to_string(made - 1)}});
}

}  // namespace holdfast::control
