// SPDX-License-Identifier: GPL-3.0-or-later
// The messages that answer an IXFR: differences, or the SOA alone (RFC 1995 §4).
#pragma once

#include <memory>
#include <vector>

#include "transfer/message_source.h"
#include "transfer/record_list.h"

namespace holdfast::transfer {

// "This is what I have", or over UDP "come over TCP".
[[nodiscard]] std::shared_ptr<const MessageSource> current_soa(const zone::ZoneView& zone);

// `differences` lead to the version that `zone` shows. Null if there are none, or one holds a
// record that fits no message.
[[nodiscard]] std::shared_ptr<const MessageSource> difference_messages(
    const zone::ZoneView& zone, const std::vector<Difference>& differences);

}  // namespace holdfast::transfer
