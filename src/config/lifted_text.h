// SPDX-License-Identifier: GPL-3.0-or-later
// Text whose letters beyond ASCII are moved to a plane where the TOML library can read them.
//
// Version 3.3 of the library runs into undefined behaviour on many code points below U+FF00 where
// they stand outside of strings. `lift` moves U+0080 to U+FFFF up by 0xF0000, into a plane for
// private use, one code point for one, so that columns stay right; `lower` moves them back.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace holdfast::config {

// The error is the position of the first byte that is not UTF-8, or of a letter of the plane that
// is used (U+F0000 to U+FFFFF).
[[nodiscard]] std::expected<std::string, size_t> lift_text(std::string_view text);
// Takes any UTF-8; letters of the plane that lift_text cannot have made stay as they are.
[[nodiscard]] std::string lower_text(std::string_view text);

}  // namespace holdfast::config
