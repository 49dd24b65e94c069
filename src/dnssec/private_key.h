// SPDX-License-Identifier: GPL-3.0-or-later
// A private key: made, taken apart into the numbers that key files hold, and signed with.
//
// PrivateKey is a shared, immutable handle; any thread. A Signer holds what one thread needs to
// sign many times without setting up anew; each thread makes its own. Secret numbers are wiped when
// a handle ends; those in `fields` are the caller's to keep short-lived.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "dnssec/algorithm.h"

namespace holdfast::dnssec {

// The numbers of a key by the names that BIND's .private files give them, big-endian.
using KeyFields = std::vector<std::pair<std::string, std::vector<uint8_t>>>;

class PrivateKey {
 public:
  // `rsa_bits` counts for RSA alone.
  [[nodiscard]] static Result<PrivateKey> generate(const AlgorithmInfo& algorithm,
                                                   unsigned rsa_bits = rsa_bits_usual);
  [[nodiscard]] static Result<PrivateKey> from_fields(const AlgorithmInfo& algorithm,
                                                      const KeyFields& fields);

  [[nodiscard]] const AlgorithmInfo& algorithm() const;
  // As in a DNSKEY record.
  [[nodiscard]] const std::vector<uint8_t>& public_key() const;
  [[nodiscard]] unsigned bits() const;
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
  explicit Signer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::dnssec
