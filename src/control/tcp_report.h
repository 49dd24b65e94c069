// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernel does about floods of TCP connections: its settings and counters, for operators.
//
// SYN cookies let it answer beginnings that find no room without keeping anything of them; without
// them a flood shuts everybody out. Counters are those of the whole network namespace. Reads /proc;
// what is not to be read there is left out. Thread: any.
#pragma once

#include <boost/json/object.hpp>

#include "control/metrics_text.h"

namespace holdfast::control {

// A line in the log if the kernel is not set up for a flood.
void warn_of_syncookies();

// "syncookies": on, off, always or unknown; "counters", by the kernel's names.
[[nodiscard]] boost::json::object tcp_object();
void add_tcp_metrics(MetricsText& text);

}  // namespace holdfast::control
