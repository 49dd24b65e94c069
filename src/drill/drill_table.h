// SPDX-License-Identifier: GPL-3.0-or-later
// The runs of a drill as a table of text, a row each.
#pragma once

#include <boost/json.hpp>
#include <string>

namespace holdfast::drill {

// `runs` as drill_json.h makes them.
[[nodiscard]] std::string drill_table(const boost::json::array& runs);

}  // namespace holdfast::drill
