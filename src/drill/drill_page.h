// SPDX-License-Identifier: GPL-3.0-or-later
// The runs of a drill as one HTML page with plots, which needs nothing but itself and reads well in
// light and dark.
#pragma once

#include <boost/json.hpp>
#include <string>

namespace holdfast::drill {

// `runs` as drill_json.h makes them. Runs of one scenario at several rates are also drawn as a
// curve.
[[nodiscard]] std::string drill_page(const boost::json::array& runs);

}  // namespace holdfast::drill
