// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the text form of record types that libzscanner does not know and that share no form with
// one it knows.
//
// Errors name the value and what was expected.
#pragma once

#include <span>
#include <vector>

#include "zone/entry.h"

namespace holdfast::zone {

[[nodiscard]] bool is_rare_type(uint16_t type);

// The RDATA of a type for which `is_rare_type` holds.
[[nodiscard]] Result<std::vector<uint8_t>> read_rare_rdata(uint16_t type,
                                                           std::span<const Token> tokens,
                                                           wire::NameView origin);

}  // namespace holdfast::zone
