// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/slow_clients.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/clock.h"
#include "drill/seal.h"

namespace holdfast::drill {
namespace {

constexpr uint64_t byte_gap_ns = 1'000'000'000;
constexpr uint64_t retry_gap_ns = 200'000'000;
constexpr size_t looked_at_max = 256;  // a call
// A length that announces more than ever comes, then a header.
constexpr uint8_t beginning[] = {0, 200, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};

const sockaddr* generic(const sockaddr_storage& storage) {
  return static_cast<const sockaddr*>(static_cast<const void*>(&storage));
}

}  // namespace

Result<SlowClients> SlowClients::make(const SealedSurroundings& surroundings,
                                      std::vector<Prefix> clients, uint32_t connections,
                                      uint16_t server_port) {
  TRY(check_sealed(surroundings.load, surroundings.server));
  SlowClients made;
  made.clients_ = std::move(clients);
  made.server_ = Endpoint{surroundings.server_ipv4.address, 4, server_port};
  made.connections_.resize(connections);
  return made;
}

void SlowClients::open_all() {
  const SystemClock clock;
  for (size_t index = 0; index < connections_.size(); ++index) open(index, clock.monotonic_ns());
}

void SlowClients::open(size_t index, uint64_t now_ns) {
  Connection& connection = connections_[index];
  connection = {UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
                now_ns + retry_gap_ns, 0};
  const int fd = connection.socket.get();
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  // Closed at once, so that no port stays taken.
  const linger at_once{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  const Prefix& client = clients_[index % clients_.size()];
  sockaddr_storage from{};
  const socklen_t size = Endpoint{client.address, client.address_size, 0}.to_sockaddr(from);
  sockaddr_storage to{};
  server_.to_sockaddr(to);
  const bool begun = fd >= 0 && bind(fd, generic(from), size) == 0 &&
                     (connect(fd, generic(to), size) == 0 || errno == EINPROGRESS);
  if (!begun) connection.socket.reset();
}

void SlowClients::send_next(Connection& connection, uint64_t now_ns) {
  const uint8_t zero = 0;
  const uint8_t* next = connection.sent < sizeof beginning ? &beginning[connection.sent] : &zero;
  const ssize_t done = send(connection.socket.get(), next, 1, MSG_NOSIGNAL);
  if (done == 1) ++connection.sent;
  const bool waits = done < 0 && (errno == EAGAIN || errno == ENOTCONN);
  if (done != 1 && !waits) connection.socket.reset();
  connection.due_ns = now_ns + (connection.socket.valid() ? byte_gap_ns : retry_gap_ns);
}

void SlowClients::go_on() {
  const SystemClock clock;
  const uint64_t now_ns = clock.monotonic_ns();
  for (size_t looked_at = 0; looked_at < looked_at_max; ++looked_at) {
    next_ = next_ + 1 < connections_.size() ? next_ + 1 : 0;
    Connection& connection = connections_[next_];
    if (connection.due_ns > now_ns) continue;
    if (connection.socket.valid()) {
      send_next(connection, now_ns);
    } else {
      open(next_, now_ns);
    }
  }
}

void SlowClients::close_all() {
  for (Connection& connection : connections_) connection.socket.reset();
}

}  // namespace holdfast::drill
