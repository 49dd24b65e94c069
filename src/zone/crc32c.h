// SPDX-License-Identifier: GPL-3.0-or-later
// CRC-32C (Castagnoli, RFC 3720 appendix B.4): tells bytes that a disk has changed.
#pragma once

#include "base/bytes.h"

namespace holdfast::zone {

// Of `bytes`, or of them behind those of which `before` is the checksum.
[[nodiscard]] uint32_t crc32c(Bytes bytes, uint32_t before = 0);

}  // namespace holdfast::zone
