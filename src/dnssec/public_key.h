// SPDX-License-Identifier: GPL-3.0-or-later
// A public key of a DNSKEY record, with which signatures are verified.
//
// Made once for many signatures. Not for several threads at a time: each makes its own. Errors tell
// what is wrong with the key. Bounds: RSA moduli of rsa_bits_min to rsa_bits_max, public exponents
// of at most 64 bits, so that no key makes a verification expensive.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/error.h"

namespace holdfast::dnssec {

class PublicKey {
 public:
  [[nodiscard]] static Result<PublicKey> from_dnskey(Bytes dnskey_rdata);
  PublicKey(PublicKey&&) noexcept;
  PublicKey& operator=(PublicKey&&) noexcept;
  ~PublicKey();

  // Whether `signature`, as in an RRSIG, is one over `data`.
  [[nodiscard]] bool verify(Bytes data, Bytes signature);

 private:
  struct State;
  explicit PublicKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::dnssec
