// SPDX-License-Identifier: GPL-3.0-or-later
// What a PrivateKey refers to: for private_key.cc and signer.cc alone.
#pragma once

#include <atomic>
#include <optional>
#include <vector>

#include "dnssec/openssl_handles.h"
#include "dnssec/private_key.h"

namespace holdfast::dnssec {

struct PrivateKey::State {
  const AlgorithmInfo* algorithm = nullptr;
  PkeyHandle key;                 // none: it lies in a token
  std::optional<TokenUri> token;  // where
  // A Signer has found that the token's key is the one of `public_key`.
  mutable std::atomic<bool> is_proved{false};
  std::vector<uint8_t> public_key;
};

}  // namespace holdfast::dnssec
