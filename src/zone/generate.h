// SPDX-License-Identifier: GPL-3.0-or-later
// BIND's $GENERATE: a range of numbers and the templates into which each is put.
//
// In a template `$` is the number, `${offset,width,base}` the number plus an offset in a base (d,
// o, x, X, or n and N: hexadecimal digits as labels, the lowest first), `\$` and `$$` a dollar
// sign. Bound: generate_records_max.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace holdfast::zone {

// As many as a /8 of IPv4 has addresses.
constexpr uint64_t generate_records_max = uint64_t{1} << 24;

struct GenerateRange {
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t step = 1;
};

// From "first-last" or "first-last/step".
[[nodiscard]] Result<GenerateRange> read_generate_range(std::string_view text);

// The template with `value` in it.
[[nodiscard]] Result<std::string> expand_template(std::string_view text, uint64_t value);

}  // namespace holdfast::zone
