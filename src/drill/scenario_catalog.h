// SPDX-License-Identifier: GPL-3.0-or-later
// The scenarios that come with the program, to be played by name or copied and changed.
#pragma once

#include <string_view>
#include <vector>

#include "drill/scenario.h"

namespace holdfast::drill {

struct CatalogEntry {
  std::string_view name;
  std::string_view text;
};

// In order of their names.
[[nodiscard]] std::vector<CatalogEntry> scenario_catalog();

// A name of the catalogue, or the path of a file.
[[nodiscard]] Result<Scenario> find_scenario(const std::string& name_or_path);

}  // namespace holdfast::drill
