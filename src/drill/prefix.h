// SPDX-License-Identifier: GPL-3.0-or-later
// Address ranges, and those that a laboratory keeps to: nothing outside of them is ever written
// into a packet or an interface.
//
// 198.18.0.0/15 is set aside for such tests (RFC 2544 §C.2.2, RFC 6890), 100.64.0.0/10 is shared
// and never routed between networks (RFC 6598), fd00::/8 is unique local (RFC 4193). Plain values.
#pragma once

#include <array>
#include <cstdint>

#include "base/address.h"

namespace holdfast::drill {

struct Prefix {
  std::array<uint8_t, 16> address{};  // network order; IPv4 uses the first four bytes
  uint8_t address_size = 4;           // 4 or 16
  uint8_t bits = 0;

  [[nodiscard]] bool is_ipv6() const { return address_size == 16; }
  // True if every address of `other` lies within.
  [[nodiscard]] bool contains(const Prefix& other) const;
  [[nodiscard]] std::string to_text() const;  // "198.18.0.0/15"

  friend bool operator==(const Prefix&, const Prefix&) = default;
};

// "198.18.0.1/24", "fd00::/8"; without a length it is one address.
[[nodiscard]] Result<Prefix> parse_prefix(std::string_view text);

// True if all of it lies within what laboratories use.
[[nodiscard]] bool is_laboratory_range(const Prefix& prefix);
// True for what never leaves a machine or a link: loopback, link-local, multicast, unspecified
// addresses (but not the default route, which is as wide as everything).
[[nodiscard]] bool is_confined_range(const Prefix& prefix);

}  // namespace holdfast::drill
