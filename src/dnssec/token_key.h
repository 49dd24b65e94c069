// SPDX-License-Identifier: GPL-3.0-or-later
// Keys in a token that speaks PKCS#11: made there, never taken out, signed with there.
//
// A TokenSigner belongs to one thread; several may use one key at a time. What fails may be tried
// again later: a token that is back is found again (token_module.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/token_uri.h"
#include "dnssec/algorithm.h"

namespace holdfast::dnssec {

// The pair, and how it is found again.
struct MadeTokenKey {
  TokenUri uri;
  std::vector<uint8_t> public_key;  // as in a DNSKEY record
};

// In the token that `token` names; `label` is what its owner sees it by.
[[nodiscard]] Result<MadeTokenKey> make_token_key(const TokenUri& token,
                                                  const AlgorithmInfo& algorithm, unsigned rsa_bits,
                                                  const std::string& label);
// Of a key that is in a token already: as in a DNSKEY record.
[[nodiscard]] Result<std::vector<uint8_t>> token_public_key(const TokenUri& key,
                                                            const AlgorithmInfo& algorithm);

// Both halves, for good: of a key that nobody has used.
[[nodiscard]] Result<void> remove_token_key(const TokenUri& key, const AlgorithmInfo& algorithm);

class TokenSigner {
 public:
  [[nodiscard]] static Result<TokenSigner> open(const TokenUri& key,
                                                const AlgorithmInfo& algorithm);
  TokenSigner(TokenSigner&&) noexcept;
  TokenSigner& operator=(TokenSigner&&) noexcept;
  ~TokenSigner();

  // ECDSA signs `input` as the digest that it is; RSA and EdDSA take all of the data.
  [[nodiscard]] Result<void> sign(Bytes input, MutableBytes signature);

 private:
  struct State;
  explicit TokenSigner(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::dnssec
