// SPDX-License-Identifier: GPL-3.0-or-later
// Compares RDATA in canonical form and order (RFC 4034 §6.2, §6.3; RFC 6840 §5.1).
//
// Names inside the RDATA of the types that RFC 4034 lists compare without regard to case; all other
// bytes compare as they are. Total order over any bytes, well formed or not. Does not allocate.
#pragma once

#include "base/bytes.h"

namespace holdfast::zone {

// Negative, zero, positive.
[[nodiscard]] int compare_rdata(uint16_t type, Bytes a, Bytes b);

}  // namespace holdfast::zone
