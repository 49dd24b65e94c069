// SPDX-License-Identifier: GPL-3.0-or-later
// A private key: made, taken apart into the numbers that key files hold, and signed with.
//
// PrivateKey is a shared, immutable handle; any thread. A Signer holds what one thread needs to
// sign many times without setting up anew; each thread makes its own. Secret numbers are wiped when
// a handle ends; those in `fields` are the caller's to keep short-lived.
//
// A key may lie in a token (token_key.h). Its handle then holds where, and the token is asked only
// by a Signer: keys are listed and published while it is away.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/token_uri.h"
#include "dnssec/algorithm.h"

namespace holdfast::dnssec {

// The numbers of a key by the names that BIND's .private files give them, big-endian; of a key in a
// token, two texts that end with a zero byte.
using KeyFields = std::vector<std::pair<std::string, std::vector<uint8_t>>>;

class PrivateKey {
 public:
  // `rsa_bits` counts for RSA alone.
  [[nodiscard]] static Result<PrivateKey> generate(const AlgorithmInfo& algorithm,
                                                   unsigned rsa_bits = rsa_bits_usual);
  [[nodiscard]] static Result<PrivateKey> from_fields(const AlgorithmInfo& algorithm,
                                                      const KeyFields& fields);

  // Made in the token and staying there; `label` is what its owner sees it by.
  [[nodiscard]] static Result<PrivateKey> generate_in(const TokenUri& token,
                                                      const AlgorithmInfo& algorithm,
                                                      unsigned rsa_bits, const std::string& label);
  // A key of a token, with its public key as in a DNSKEY record.
  [[nodiscard]] static PrivateKey in_token(const AlgorithmInfo& algorithm, TokenUri key,
                                           Bytes public_key);

  [[nodiscard]] const AlgorithmInfo& algorithm() const;
  // Where it lies; null: with us.
  [[nodiscard]] const TokenUri* token() const;
  // As in a DNSKEY record.
  [[nodiscard]] const std::vector<uint8_t>& public_key() const;
  [[nodiscard]] unsigned bits() const;
  // Of a key in a token: where it is found (Engine and Label).
  [[nodiscard]] Result<KeyFields> fields() const;

  struct State;

 private:
  friend class Signer;
  explicit PrivateKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

class Signer {
 public:
  [[nodiscard]] static Result<Signer> make(const PrivateKey& key);
  Signer(Signer&&) noexcept;
  Signer& operator=(Signer&&) noexcept;
  ~Signer();

  [[nodiscard]] size_t signature_bytes() const;
  // `signature` has signature_bytes(). RSA and EdDSA give the same each time, ECDSA does not.
  [[nodiscard]] Result<void> sign(Bytes data, MutableBytes signature);

 private:
  struct State;
  [[nodiscard]] static Result<Signer> make_in_token(const PrivateKey& key);
  explicit Signer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::dnssec
