// SPDX-License-Identifier: GPL-3.0-or-later
// Asks one server, a resolver or an authority, for the records of a name and type, over TCP.
//
// Bound: answer_ms for all of it. Thread: the io_context's.
#pragma once

#include <functional>
#include <optional>
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

struct Answered {
  Records records = {};     // of NS also those by which the server refers to others
  Records signatures = {};  // RDATA of the RRSIGs that cover them
  uint32_t ttl = 0;         // the largest of theirs
  // The SOA by which a negative answer says of which zone it is (RFC 2308 §3).
  std::optional<wire::Name> soa_owner = {};
};
// The same with signatures (DO, RFC 3225).
void ask_rrset(boost::asio::io_context& context, const Endpoint& server, const wire::Name& name,
               uint16_t type, std::function<void(Result<Answered>)> done);
// Calls `done` once, unless the io_context ends before.
void ask_records(boost::asio::io_context& context, const Endpoint& server, const wire::Name& name,
                 uint16_t type, std::function<void(Result<Records>)> done);

}  // namespace holdfast::transfer
