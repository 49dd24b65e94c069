// SPDX-License-Identifier: GPL-3.0-or-later
// Asks the servers of other signers, of the parent, and secondaries, what they serve of a zone.
//
// Over TCP, each within transfer::ask_records_ms; the answers tell of who does not answer. What
// they say is judged later (dnssec/signer_sighting.h). Thread: the io_context's.
#pragma once

#include <functional>

#include "control/signer_rolls.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::control {

// Calls `done` once all have answered or have not.
void ask_group(boost::asio::io_context& context, const GroupQuestion& question,
               std::function<void(GroupAnswers)> done);

}  // namespace holdfast::control
