// SPDX-License-Identifier: GPL-3.0-or-later
// What metrics call what becomes of a packet in the XDP program, in the order of XdpGateReason.
#pragma once

#include <array>
#include <string_view>

#include "shield/xdp_gate_layout.h"

namespace holdfast::shield {

inline constexpr std::array<std::string_view, xdp_gate_reasons> xdp_gate_reason_names = {
    "taken_trusted",       "taken_others",         "taken_proved",      "taken_known",
    "taken_known_odd",     "taken_unknown_slow",   "taken_absent_name", "taken_unknown_fast",
    "passed_protocol",     "passed_syn",           "passed_stream",     "passed_destination",
    "passed_fragment",     "passed_options",       "passed_length",     "passed_surplus",
    "passed_opcode",       "passed_closed",        "passed_no_socket",  "passed_shielded",
    "replied_truncated",   "replied_cookie",       "replied_nxdomain",  "dropped_response",
    "dropped_source_port", "dropped_source",       "dropped_short",     "dropped_syn",
    "dropped_proved",      "dropped_known",        "dropped_known_odd", "dropped_unknown_slow",
    "dropped_absent_name", "dropped_unknown_fast", "dropped_unjudged",  "dropped_malformed",
    "dropped_opcode"};

}  // namespace holdfast::shield
