// SPDX-License-Identifier: GPL-3.0-or-later
// An IP address with a port: what configuration names and sockets bind.
//
// A plain value. Text is "address@port" as in Knot and NSD, or "address:port" ("[::1]:9153") as in
// URLs. Host names and interface scopes (fe80::1%eth0) are refused.
#pragma once

#include <sys/socket.h>

#include <array>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace holdfast {

struct Endpoint {
  std::array<uint8_t, 16> address{};  // network order; IPv4 uses the first four bytes
  uint8_t address_size = 4;           // 4 or 16
  uint16_t port = 0;                  // host order

  [[nodiscard]] bool is_ipv6() const { return address_size == 16; }
  [[nodiscard]] Bytes address_bytes() const { return Bytes(address.data(), address_size); }
  // 0.0.0.0 or ::
  [[nodiscard]] bool is_wildcard() const;

  [[nodiscard]] std::string to_text() const;      // "192.0.2.1@53", "::1@53"
  [[nodiscard]] std::string to_url_text() const;  // "192.0.2.1:9153", "[::1]:9153"
  // Fills `storage` for bind or connect and returns the length to pass.
  socklen_t to_sockaddr(sockaddr_storage& storage) const;
  // Families other than AF_INET and AF_INET6 give 0.0.0.0 and port 0.
  [[nodiscard]] static Endpoint from_sockaddr(const sockaddr_storage& storage);

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// "address@port"; without "@port" the port is `default_port`. Ports 1 to 65535.
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text, uint16_t default_port);
// "address:port", IPv6 in brackets; the port is required.
[[nodiscard]] Result<Endpoint> parse_url_endpoint(std::string_view text);

}  // namespace holdfast
