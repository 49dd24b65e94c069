// SPDX-License-Identifier: GPL-3.0-or-later
// Looks whether the parent has the DS of a key: all of the servers that stand for it have that one,
// and no other but those of other signers. Or whether none of them has any.
//
// Thread: the io_context's.
#pragma once

#include <functional>
#include <string>

#include "control/key_rolls.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::control {

// Calls `found` if so. What keeps a server from saying it is told in the log.
void look_for_ds(boost::asio::io_context& context, const std::string& zone, const WaitingKey& key,
                 std::function<void()> found);

}  // namespace holdfast::control
