// SPDX-License-Identifier: GPL-3.0-or-later
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/file.h"
#include "echo.h"
#include "lab_commands.h"

namespace holdfast::bench {
namespace {

constexpr size_t batch = 64;
constexpr size_t datagram_bytes_max = 4096;
constexpr size_t dns_header_bytes = 12;
constexpr uint8_t response_bit = 0x80;
constexpr int receive_buffer_bytes = 4 << 20;
constexpr timeval stop_check{0, 200'000};

struct Batch {
  std::array<mmsghdr, batch> messages{};
  std::array<iovec, batch> vectors{};
  std::array<sockaddr_in6, batch> peers{};
  std::array<std::array<uint8_t, datagram_bytes_max>, batch> datagrams{};
};

Result<UniqueFd> open_socket(const Endpoint& address) {
  sockaddr_storage storage{};
  const socklen_t size = address.to_sockaddr(storage);
  UniqueFd socket(::socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto* name = static_cast<const sockaddr*>(static_cast<const void*>(&storage));
  if (!socket.valid() || bind(socket.get(), name, size) != 0) {
    return fail_system(address.to_text(), errno);
  }
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer_bytes,
             sizeof receive_buffer_bytes);
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &stop_check, sizeof stop_check);
  return socket;
}

void prepare(Batch& all) {
  for (size_t index = 0; index < batch; ++index) {
    all.vectors[index] = {all.datagrams[index].data(), datagram_bytes_max};
    msghdr& header = all.messages[index].msg_hdr;
    header.msg_name = &all.peers[index];
    header.msg_namelen = sizeof(sockaddr_in6);
    header.msg_iov = &all.vectors[index];
    header.msg_iovlen = 1;
  }
}

// Questions become answers where they are; gives their number.
void turn_around(Batch& all, size_t count, size_t answer_bytes) {
  for (size_t index = 0; index < count; ++index) {
    if (all.messages[index].msg_len >= dns_header_bytes) {
      all.datagrams[index][2] |= response_bit;
    }
    all.vectors[index].iov_len = answer_bytes != 0 ? answer_bytes : all.messages[index].msg_len;
  }
}

size_t send_all(int socket, Batch& all, size_t count) {
  size_t sent = 0;
  while (sent < count) {
    const int now =
        sendmmsg(socket, all.messages.data() + sent, static_cast<unsigned>(count - sent), 0);
    if (now <= 0) break;
    sent += static_cast<size_t>(now);
  }
  return sent;
}

}  // namespace

Result<EchoCounts> echo_over_sockets(const Endpoint& address, size_t answer_bytes) {
  if (answer_bytes > datagram_bytes_max) {
    return fail("--bytes: expected up to " + std::to_string(datagram_bytes_max));
  }
  const UniqueFd socket = TRY(open_socket(address));
  const auto all = std::make_unique<Batch>();
  EchoCounts counts;
  while (!stop) {
    prepare(*all);
    const int received =
        recvmmsg(socket.get(), all->messages.data(), batch, MSG_WAITFORONE, nullptr);
    if (received <= 0) {
      if (errno == EAGAIN || errno == EINTR) continue;
      return fail_system("recvmmsg", errno);
    }
    const auto count = static_cast<size_t>(received);
    turn_around(*all, count, answer_bytes);
    counts.received += count;
    counts.sent += send_all(socket.get(), *all, count);
    ++counts.batches;
  }
  return counts;
}

}  // namespace holdfast::bench
