// SPDX-License-Identifier: GPL-3.0-or-later
// Asks one server, a resolver or an authority, for the records of a name and type, over TCP.
//
// Bound: answer_ms for all of it. Thread: the io_context's.
#pragma once

#include <functional>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "wire/name.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::transfer {

constexpr unsigned ask_records_ms = 10'000;

// Their RDATA; none if there are no such records.
using Records = std::vector<std::vector<uint8_t>>;
// Calls `done` once, unless the io_context ends before.
void ask_records(boost::asio::io_context& context, const Endpoint& server, const wire::Name& name,
                 uint16_t type, std::function<void(Result<Records>)> done);

}  // namespace holdfast::transfer
