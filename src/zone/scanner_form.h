// SPDX-License-Identifier: GPL-3.0-or-later
// Rewrites RDATA text that libzscanner does not know into text that it reads the same way.
//
// Mnemonics of newer types and SvcParams become numbers, types that share the form of an older one
// take its name, odd bytes in names become \DDD, and parentheses go. The result is read as one
// record.
#pragma once

#include <span>
#include <string>

#include "zone/entry.h"

namespace holdfast::zone {

enum class OddBytes : uint8_t { keep, escape };

// ". 0 IN <type> <rdata>" with a line feed.
[[nodiscard]] std::string scanner_form(uint16_t type, std::span<const Token> rdata,
                                       OddBytes odd_bytes);

}  // namespace holdfast::zone
