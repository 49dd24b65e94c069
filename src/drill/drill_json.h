// SPDX-License-Identifier: GPL-3.0-or-later
// A drill's record and verdict as JSON: what is kept, compared, and made into tables and pages.
//
// docs/drill.md describes the members.
#pragma once

#include <boost/json.hpp>

#include "drill/verdict.h"

namespace holdfast::drill {

[[nodiscard]] boost::json::object to_json(const DrillRecord& record, const Verdict& verdict);

}  // namespace holdfast::drill
