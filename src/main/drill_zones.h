// SPDX-License-Identifier: GPL-3.0-or-later
// The zones of a configuration as a drill sees them: their files, and the names that have an
// answer.
#pragma once

#include "drill/zone_set.h"

namespace holdfast {

constexpr size_t drill_zones_max = 2000;  // more are served, but not asked for

// `attacked` is the name of the zone that attacks on one zone are aimed at; empty: the one with the
// most names. Zones that come from other servers are left out: there is none in a laboratory.
[[nodiscard]] Result<drill::ZoneSet> read_drill_zones(const std::string& config_path,
                                                      const std::string& attacked);

}  // namespace holdfast
