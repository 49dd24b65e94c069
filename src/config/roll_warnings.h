// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that roll by themselves while nobody looks whether the zone's other servers come along.
//
// Without `secondaries` a roll goes on after `propagation_s`, and a server that has been away for
// longer makes the zone bogus for those who ask it. That is allowed, so it is no problem of a
// configuration, but what an operator should know. Pure.
#pragma once

#include <span>
#include <string>

#include "config/load.h"
#include "config/zone_list.h"

namespace holdfast::config {

// A sentence about a zone with these; empty: all is well.
[[nodiscard]] std::string roll_warning(const PolicySetting& policy,
                                       const TransferSetting& transfer);
// One for each such policy, with its line and a zone.
[[nodiscard]] ProblemList roll_warnings(const Config& config, std::span<const ZoneSource> zones);

}  // namespace holdfast::config
