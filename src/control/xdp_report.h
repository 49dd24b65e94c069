// SPDX-License-Identifier: GPL-3.0-or-later
// What `holdfast status` and /metrics say of AF_XDP: which queues use it, and what became of their
// packets. Reads the panel; changes nothing.
#pragma once

#include <boost/json/object.hpp>

#include "control/metrics_text.h"
#include "exchange/panel.h"

namespace holdfast::control {

[[nodiscard]] boost::json::object xdp_object(const exchange::Panel& panel);
// What the program has answered and dropped at all queues by the shield's orders, by its name; what
// a dry run let through as well, behind `dry_run_`. Only what there has been.
[[nodiscard]] boost::json::object xdp_shed_object(const exchange::Panel& panel);
// Nothing while no queue uses it.
void add_xdp_metrics(MetricsText& text, const exchange::Panel& panel);

}  // namespace holdfast::control
