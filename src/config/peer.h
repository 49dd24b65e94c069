// SPDX-License-Identifier: GPL-3.0-or-later
// Other servers as the configuration names them: who may ask for what, and whom to ask or tell.
//
// Text in the manner of NSD: "ADDRESS[/LENGTH] [KEY] [TLS]" or "any [KEY] [TLS]" for access,
// "ADDRESS[@PORT] [KEY] [TLS]" for a server. KEY is the name of a [[key]]; with one, only requests
// that it has signed count, and all that goes to the server is signed. TLS is "tls=PEER", with the
// name of a [[tls_peer]] that the other side must prove to be, or "tls" alone: whoever it is, what
// goes between us is encrypted. As a server to ask, such a one needs a KEY, because nothing else
// then tells whose data it is (RFC 9103 §9.3.1).
#pragma once

#include <string>
#include <string_view>

#include "base/address.h"
#include "base/error.h"

namespace holdfast::config {

struct TlsDemand {
  bool required = false;
  std::string peer;  // canonical text; empty: anybody

  [[nodiscard]] std::string to_text() const;  // "tls=PEER", "tls" or nothing
  friend bool operator==(const TlsDemand&, const TlsDemand&) = default;
};

struct AccessRule {
  std::array<uint8_t, 16> address{};
  uint8_t address_size = 0;  // 4 or 16; 0: any address
  uint8_t prefix_bits = 0;
  std::string key;  // canonical text; empty: no signature is needed
  TlsDemand tls;

  // Whether the rule is for this address (4 or 16 bytes).
  [[nodiscard]] bool covers(Bytes address_bytes) const;
  [[nodiscard]] std::string to_text() const;
  friend bool operator==(const AccessRule&, const AccessRule&) = default;
};

struct Remote {
  Endpoint endpoint;
  std::string key;  // canonical text; empty: nothing is signed
  TlsDemand tls;    // not required: plain TCP

  [[nodiscard]] std::string to_text() const;
  friend bool operator==(const Remote&, const Remote&) = default;
};

[[nodiscard]] Result<AccessRule> parse_access_rule(std::string_view text);
// The port is 53, within TLS 853, if there is none.
[[nodiscard]] Result<Remote> parse_remote(std::string_view text);

}  // namespace holdfast::config
