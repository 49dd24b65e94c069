// SPDX-License-Identifier: GPL-3.0-or-later
// A dynamic update as its message says it (RFC 2136 §2): the zone, what must be so, what to change.
//
// A plain value that no longer needs the message. Bound: the message's size.
#pragma once

#include <expected>
#include <vector>

#include "wire/name.h"

namespace holdfast::transfer {

// RCODEs that only updates have (RFC 2136 §2.2).
constexpr uint16_t rcode_yxrrset = 7;
constexpr uint16_t rcode_nxrrset = 8;
constexpr uint16_t rcode_notzone = 10;

struct UpdateRecord {
  wire::Name owner;
  uint16_t type = 0;
  uint16_t record_class = 0;
  uint32_t ttl = 0;
  std::vector<uint8_t> rdata;  // uncompressed, well formed unless it is empty
};

struct UpdateMessage {
  wire::Name zone;
  std::vector<UpdateRecord> prerequisites;
  std::vector<UpdateRecord> updates;
};

// The RCODE of a message that is none (§3.1, and what of §3.2 and §3.4.1 no zone is needed for).
[[nodiscard]] std::expected<UpdateMessage, uint16_t> read_update(Bytes message);

}  // namespace holdfast::transfer
