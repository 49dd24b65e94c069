// SPDX-License-Identifier: GPL-3.0-or-later
// Times as key files write them: YYYYMMDDHHMMSS in UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::dnssec {

[[nodiscard]] std::string key_time_text(uint64_t unix_s);
// What follows the 14 digits behind a space is passed over. Nothing if it is no time, or before
// 1970.
[[nodiscard]] std::optional<uint64_t> parse_key_time(std::string_view text);

}  // namespace holdfast::dnssec
