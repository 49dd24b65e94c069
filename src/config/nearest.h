// SPDX-License-Identifier: GPL-3.0-or-later
// The known word that is nearest to a mistyped one.
#pragma once

#include <span>
#include <string_view>

namespace holdfast::config {

// By Damerau-Levenshtein distance (one step: a letter put in, left out, changed, or two neighbours
// swapped), letters of either case alike. Empty if none is near enough to be meant: more than
// two letters, or in long words a third of them, would change. Words of more than `word_bytes_max`
// are near to none.
[[nodiscard]] std::string_view nearest_word(std::string_view word,
                                            std::span<const std::string_view> known);

constexpr size_t word_bytes_max = 64;

}  // namespace holdfast::config
