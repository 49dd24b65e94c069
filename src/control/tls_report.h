// SPDX-License-Identifier: GPL-3.0-or-later
// What clients within TLS cost and what was limited of them, for `shield status` and the metrics.
//
// Thread: any.
#pragma once

#include <boost/json/object.hpp>

#include "control/metrics_text.h"
#include "control/transfers.h"

namespace holdfast::control {

[[nodiscard]] boost::json::object tls_object(const TransferFacts& facts);
void add_tls_metrics(MetricsText& text, const TransferFacts& facts);

}  // namespace holdfast::control
