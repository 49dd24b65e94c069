// SPDX-License-Identifier: GPL-3.0-or-later
// The part of `holdfast drill` that runs within a laboratory: one scenario against one server, or
// the measurement of the floor.
#pragma once

#include <boost/json.hpp>

#include "base/error.h"
#include "main/command_line.h"

namespace holdfast {

constexpr const char* floor_server = "floor";  // in place of a server: only the floor is measured

// The run as drill/drill_json.h has it; of the floor only "floor_per_s". An error outside of a
// laboratory.
[[nodiscard]] Result<boost::json::object> drill_inside(const DrillOptions& options);

}  // namespace holdfast
