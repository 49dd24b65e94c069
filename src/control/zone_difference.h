// SPDX-License-Identifier: GPL-3.0-or-later
// What a zone's file changes in what is served of a zone that is signed here.
//
// One walk over both, side by side. Thread: that which owns zone memory.
#pragma once

#include <optional>

#include "zone/contents.h"
#include "zone/draft.h"

namespace holdfast::control {

// Beyond this, or a quarter of the zone, the whole is signed at less cost.
constexpr size_t names_by_difference_max = 50'000;

// Makes the draft (zone_set.h's draft_of) hold the records of `contents`, which are finished. The
// serial is that of the contents, or the one after that of what is served if something differs and
// it would not rise (RFC 1982). False if too much differs.
[[nodiscard]] bool draft_difference(const zone::Contents& contents, zone::Draft& draft);

// Gives the draft's SOA another serial.
void set_serial(zone::Draft& draft, uint32_t serial);

// Of the SOA; none if there is none.
[[nodiscard]] std::optional<uint32_t> serial_of(const zone::Contents& contents);
[[nodiscard]] std::optional<uint32_t> serial_of(zone::Draft& draft);

}  // namespace holdfast::control
