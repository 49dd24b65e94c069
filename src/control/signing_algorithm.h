// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers of the algorithms that a policy names.
#pragma once

#include <array>

#include "config/config.h"
#include "dnssec/algorithm.h"

namespace holdfast::control {

[[nodiscard]] constexpr uint8_t algorithm_number(config::SigningAlgorithm algorithm) {
  // In the order of config::SigningAlgorithm.
  constexpr std::array<uint8_t, 6> numbers{dnssec::rsa_sha256,        dnssec::rsa_sha512,
                                           dnssec::ecdsa_p256_sha256, dnssec::ecdsa_p384_sha384,
                                           dnssec::ed25519,           dnssec::ed448};
  return numbers[static_cast<size_t>(algorithm)];
}

}  // namespace holdfast::control
