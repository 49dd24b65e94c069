// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes as text: hexadecimal, base64, base32hex, and the character strings of zone files.
//
// The writers append to `text`. Management only: all allocate.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace holdfast::wire {

// Capital digits, no spaces.
void append_hex(std::string& text, Bytes bytes);
// RFC 4648 §4, padded.
void append_base64(std::string& text, Bytes bytes);
// The bytes that padded base64 stands for; spaces within are passed over. Nothing if it is none.
[[nodiscard]] std::optional<std::vector<uint8_t>> read_base64(std::string_view text);
// RFC 4648 §7 with capital letters, not padded, as RFC 5155 §3.3 writes hashes.
void append_base32hex(std::string& text, Bytes bytes);
// RFC 1035 §5.1: in double quotes; quotes and backslashes as \" and \\, bytes that are not
// printable ASCII as \DDD.
void append_quoted(std::string& text, Bytes bytes);

}  // namespace holdfast::wire
