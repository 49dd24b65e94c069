// SPDX-License-Identifier: GPL-3.0-or-later
// The zones of a drill: what their names are, so that honest resolvers ask for what is there and
// the attack for what its scenario says. Given by the caller, or made up for the laboratory.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace holdfast::drill {

struct DrillQuestion {
  std::string name;  // absolute text
  std::string type;  // "A"
};

struct DrillZone {
  std::string name;                      // absolute text
  std::string file;                      // its zone file, for servers that read one
  std::vector<DrillQuestion> questions;  // that have an answer
  std::string wildcard_parent;           // of a wildcard in it; empty: there is none
};

struct ZoneSet {
  std::vector<DrillZone> zones;
  size_t attacked = 0;  // the one that attacks on one zone are aimed at

  [[nodiscard]] const DrillZone& attacked_zone() const { return zones[attacked]; }
};

constexpr size_t zone_questions_max = 20'000;  // of one zone; more are not asked for

// A zone of 2,000 names, which is attacked, and 49 of 100 each, as files in `directory`. The same
// each time.
[[nodiscard]] Result<ZoneSet> make_laboratory_zones(const std::string& directory);

}  // namespace holdfast::drill
