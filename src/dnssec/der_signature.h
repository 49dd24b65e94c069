// SPDX-License-Identifier: GPL-3.0-or-later
// ECDSA signatures between OpenSSL's form (DER) and that of an RRSIG (RFC 6605 §4: r and s, each as
// long as the curve's order).
//
// Does not allocate. Any thread.
#pragma once

#include "base/bytes.h"

namespace holdfast::dnssec {

constexpr size_t der_signature_bytes_max = 2 + 2 * (2 + 49);  // P-384, with signs

// `raw` has the length of r and s together. False if `der` is no such signature.
[[nodiscard]] bool signature_from_der(Bytes der, MutableBytes raw);
// The bytes written to `der`, which has room for der_signature_bytes_max. 0 if `raw` is too long.
[[nodiscard]] size_t signature_to_der(Bytes raw, MutableBytes der);

}  // namespace holdfast::dnssec
