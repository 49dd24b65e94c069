// SPDX-License-Identifier: GPL-3.0-or-later
// Tells a parent that CDS or CSYNC of a zone have changed: finds whom by DSYNC records, and sends
// the NOTIFY (RFC 9859).
//
// DSYNC and the addresses of its targets are asked for at the policy's `parents`: servers of the
// parent, or resolvers. The answers are not validated: a NOTIFY changes nothing by itself (§5). At
// most targets_max addresses are told. Thread: the io_context's.
#pragma once

#include <functional>

#include "control/parent_notices.h"
#include "transfer/notifier.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::control {

constexpr size_t dsync_targets_max = 8;

// Calls `done` once the parent was told, or has nobody to be told.
void tell_parent(boost::asio::io_context& context, transfer::Notifier& notifier,
                 const ParentNotice& notice, std::function<void()> done);

// Where DSYNC is looked for (§4.1): "_dsync" behind the first `labels` labels of the child; nothing
// if that is too long a name.
[[nodiscard]] std::optional<wire::Name> dsync_name(wire::NameView child, size_t labels);

}  // namespace holdfast::control
