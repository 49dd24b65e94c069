// SPDX-License-Identifier: GPL-3.0-or-later
// The part of the table of keys (config/keys.h) for what there may be many of: keys, zones, folders
// of zones.
#pragma once

#include "config/keys.h"

namespace holdfast::config {

constexpr uint32_t policy_name_bytes_max = 64;

[[nodiscard]] std::span<const Table> entry_tables();

}  // namespace holdfast::config
