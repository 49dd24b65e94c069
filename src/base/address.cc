// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>

namespace holdfast {

namespace {

std::unexpected<Error> fail_endpoint(std::string_view text, std::string_view why) {
  return fail("'" + std::string(text) + "' " + std::string(why));
}

bool parse_address(std::string_view text, Endpoint& endpoint) {
  const std::string terminated(text);
  if (inet_pton(AF_INET, terminated.c_str(), endpoint.address.data()) == 1) {
    endpoint.address_size = 4;
    return true;
  }
  endpoint.address_size = 16;
  return inet_pton(AF_INET6, terminated.c_str(), endpoint.address.data()) == 1;
}

bool parse_port(std::string_view text, uint16_t& port) {
  if (text.empty() || text.size() > 5 || text.front() == '0') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

}  // namespace

bool Endpoint::is_wildcard() const {
  return std::ranges::all_of(address_bytes(), [](uint8_t byte) { return byte == 0; });
}

std::string Endpoint::to_text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_ipv6() ? AF_INET6 : AF_INET, address.data(), text.data(), text.size());
  return std::string(text.data()) + "@" + std::to_string(port);
}

std::string Endpoint::to_url_text() const {
  std::string text = to_text();
  const size_t at = text.find('@');
  if (!is_ipv6()) return text.replace(at, 1, ":");
  return "[" + text.replace(at, 1, "]:");
}

socklen_t Endpoint::to_sockaddr(sockaddr_storage& storage) const {
  storage = {};
  if (is_ipv6()) {
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(port);
    std::memcpy(&ipv6.sin6_addr, address.data(), 16);
    std::memcpy(&storage, &ipv6, sizeof ipv6);
    return sizeof ipv6;
  }
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = htons(port);
  std::memcpy(&ipv4.sin_addr, address.data(), 4);
  std::memcpy(&storage, &ipv4, sizeof ipv4);
  return sizeof ipv4;
}

Endpoint Endpoint::from_sockaddr(const sockaddr_storage& storage) {
  Endpoint endpoint;
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 ipv6;
    std::memcpy(&ipv6, &storage, sizeof ipv6);
    endpoint.address_size = 16;
    std::memcpy(endpoint.address.data(), &ipv6.sin6_addr, 16);
    endpoint.port = ntohs(ipv6.sin6_port);
  } else if (storage.ss_family == AF_INET) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, &storage, sizeof ipv4);
    std::memcpy(endpoint.address.data(), &ipv4.sin_addr, 4);
    endpoint.port = ntohs(ipv4.sin_port);
  }
  return endpoint;
}

Result<Endpoint> parse_endpoint(std::string_view text, uint16_t default_port) {
  Endpoint endpoint;
  endpoint.port = default_port;
  const size_t at = text.find('@');
  if (!parse_address(text.substr(0, at), endpoint)) {
    return fail_endpoint(text, "is not an IPv4 or IPv6 address with a port, such as 192.0.2.1@53");
  }
  if (at != std::string_view::npos && !parse_port(text.substr(at + 1), endpoint.port)) {
    return fail_endpoint(text, "needs a port from 1 to 65535 after the @");
  }
  return endpoint;
}

Result<Endpoint> parse_url_endpoint(std::string_view text) {
  Endpoint endpoint;
  const size_t colon = text.rfind(':');
  std::string_view address = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  const bool bracketed = address.size() >= 2 && address.front() == '[' && address.back() == ']';
  if (bracketed) address = address.substr(1, address.size() - 2);
  if (!parse_address(address, endpoint) || endpoint.is_ipv6() != bracketed) {
    return fail_endpoint(text,
                         "is not address:port, such as 127.0.0.1:9153 or, for IPv6, [::1]:9153");
  }
  if (!parse_port(text.substr(colon + 1), endpoint.port)) {
    return fail_endpoint(text, "needs a port from 1 to 65535 after the colon");
  }
  return endpoint;
}

}  // namespace holdfast
