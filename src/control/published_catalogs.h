// SPDX-License-Identifier: GPL-3.0-or-later
// Catalogs of our own zones (RFC 9432): their files, which are then loaded as any zone's.
//
// A file is written only if other zones are in it than were, with a serial above the one before.
// Owner: the thread that owns zone memory.
#pragma once

#include <span>
#include <string>

#include "config/zone_list.h"

namespace holdfast::control {

// Makes the files of those of `zones` that are published catalogs. The error names the file.
[[nodiscard]] Result<void> write_published_catalogs(std::span<const config::ZoneSource> zones,
                                                    uint64_t now_unix_s);

}  // namespace holdfast::control
