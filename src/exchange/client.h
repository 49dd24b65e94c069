// SPDX-License-Identifier: GPL-3.0-or-later
// Who asks, and over what: the facts about a question that its bytes do not tell.
#pragma once

#include "base/bytes.h"

namespace holdfast::exchange {

enum class Protocol : uint8_t { udp, tcp };
enum class Family : uint8_t { ipv4, ipv6 };

struct Client {
  Protocol protocol = Protocol::udp;
  Family family = Family::ipv4;
  bool encrypted = false;  // then responses are padded (RFC 7830, RFC 8467)
  Bytes address;           // 4 or 16 bytes, network order
};

}  // namespace holdfast::exchange
