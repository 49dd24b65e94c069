// SPDX-License-Identifier: GPL-3.0-or-later
// Catalog zones (RFC 9432): what a version in zone memory says, and what we say of our own zones.
//
// A catalog is understood as a whole or, with the reason, not at all. Reading allocates by member;
// bound: the caller's. Plain values.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/zone_list.h"
#include "zone/view.h"

namespace holdfast::transfer {

struct CatalogMember {
  std::string zone;          // absolute lower-case text, as below
  std::string unique;        // §4.1: another one says that it is another zone of the same name
  std::string group;         // empty: none. Of several the first in order of their bytes
  std::string next_catalog;  // §4.3.1; empty: none
};

// Within an epoch. Members in order of their zones; the error says what is broken.
[[nodiscard]] Result<std::vector<CatalogMember>> read_catalog(const zone::ZoneView& zone,
                                                              size_t members_max);

// The zone file of the catalog `name` with its members among `zones`, but for its first lines
// with the serial.
[[nodiscard]] std::string catalog_text(const std::string& name,
                                       std::span<const config::ZoneSource> zones);
// The first lines.
[[nodiscard]] std::string catalog_head(const std::string& name, uint32_t serial);
// The serial of what catalog_head made; 0 if `text` does not begin with that.
[[nodiscard]] uint32_t catalog_serial(const std::string& name, std::string_view text);

}  // namespace holdfast::transfer
