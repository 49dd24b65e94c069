// SPDX-License-Identifier: GPL-3.0-or-later
// The bitmap of types in NSEC and NSEC3 records (RFC 4034 §4.1.2).
#pragma once

#include <cstdint>
#include <vector>

namespace holdfast::dnssec {

// Appends the bitmap; sorts `types` and drops copies.
void append_type_bitmap(std::vector<uint16_t>& types, std::vector<uint8_t>& bytes);

}  // namespace holdfast::dnssec
