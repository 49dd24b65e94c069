// SPDX-License-Identifier: GPL-3.0-or-later
// Other servers as the configuration names them: who may ask for what, and whom to ask or tell.
//
// Text in the manner of NSD: "ADDRESS[/LENGTH] [KEY]" or "any [KEY]" for access, "ADDRESS[@PORT]
// [KEY]" for a server. KEY is the name of a [[key]]; with one, only requests that it has signed
// count, and all that goes to the server is signed.
#pragma once

#include <string>
#include <string_view>

#include "base/address.h"
#include "base/error.h"

namespace holdfast::config {

struct AccessRule {
  std::array<uint8_t, 16> address{};
  uint8_t address_size = 0;  // 4 or 16; 0: any address
  uint8_t prefix_bits = 0;
  std::string key;  // canonical text; empty: no signature is needed

  // Whether the rule is for this address (4 or 16 bytes).
  [[nodiscard]] bool covers(Bytes address_bytes) const;
  [[nodiscard]] std::string to_text() const;
  friend bool operator==(const AccessRule&, const AccessRule&) = default;
};

struct Remote {
  Endpoint endpoint;
  std::string key;  // canonical text; empty: nothing is signed

  [[nodiscard]] std::string to_text() const;
  friend bool operator==(const Remote&, const Remote&) = default;
};

[[nodiscard]] Result<AccessRule> parse_access_rule(std::string_view text);
[[nodiscard]] Result<Remote> parse_remote(std::string_view text);

}  // namespace holdfast::config
