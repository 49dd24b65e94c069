// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/pass_on.h"

namespace holdfast::server {

bool PassOn::is_for_control(const wire::Query& query) {
  if (query.opcode == wire::opcode_notify || query.opcode == wire::opcode_update) return true;
  if (query.opcode != wire::opcode_query) return false;
  return query.has_tsig || (query.has_question && query.qclass == wire::class_in &&
                            (query.qtype == wire::type_axfr || query.qtype == wire::type_ixfr));
}

bool PassOn::pass_datagram(Bytes datagram, const sockaddr_in6& client, const Endpoint& server,
                           uint64_t now_ns) {
  const int socket = socket_of(server);
  if (socket < 0 || !is_within_budget(now_ns)) return false;
  return sender_.send({.protocol = exchange::Protocol::udp, .client = client, .server = server},
                      datagram, socket);
}

bool PassOn::pass_connection(Bytes unread, int connection, const sockaddr_in6& client,
                             const Endpoint& server, uint64_t now_ns) {
  if (!is_within_budget(now_ns)) return false;
  return sender_.send({.protocol = exchange::Protocol::tcp, .client = client, .server = server},
                      unread, connection);
}

bool PassOn::is_within_budget(uint64_t now_ns) {
  constexpr uint64_t ns_per_s = 1'000'000'000;
  if (now_ns / ns_per_s != second_) {
    second_ = now_ns / ns_per_s;
    passed_on_ = 0;
  }
  if (passed_on_ == passed_on_a_second_max) return false;
  ++passed_on_;
  return true;
}

// The socket that is bound to the address, or else to all addresses.
int PassOn::socket_of(const Endpoint& server) const {
  int wildcard = -1;
  for (const ReplySocket& socket : sockets_) {
    const Endpoint& bound = socket.endpoint;
    if (bound.port != server.port || bound.is_ipv6() != server.is_ipv6()) continue;
    if (bound == server) return socket.udp;
    if (bound.is_wildcard()) wildcard = socket.udp;
  }
  return wildcard;
}

}  // namespace holdfast::server
