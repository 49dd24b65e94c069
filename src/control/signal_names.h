// SPDX-License-Identifier: GPL-3.0-or-later
// Names that vouch for a zone whose parent has no DS of it yet (RFC 9615): in a zone "_signal.NS"
// that is signed here, "_dsboot.ZONE._signal.NS" holds CDS and CDNSKEY of each zone signed here
// that has NS among its name servers.
//
// Whoever wants them makes such a zone, of SOA and NS alone. Its cost is a look at each signed
// zone, once each signal_check_s and after each load or reload in which a zone was signed. Owner:
// the thread of zone memory.
#pragma once

#include "control/zone_table.h"
#include "zone/contents.h"
#include "zone/memory.h"

namespace holdfast::control {

constexpr uint64_t signal_check_s = 60;
// Zones of that kind have a name that begins so.
constexpr std::string_view signal_label = "_signal";

[[nodiscard]] bool is_signal_zone(wire::NameView zone);

// `records` with the names of the zones as they are served, in place of those that it has.
[[nodiscard]] Result<zone::Contents> with_signal_names(const zone::Contents& records,
                                                       const zone::Memory& memory,
                                                       const ZoneTable& table);
// The zones of that kind that are signed here and should hold something else.
[[nodiscard]] std::vector<std::string> stale_signal_zones(const zone::Memory& memory,
                                                          const ZoneTable& table);

}  // namespace holdfast::control
