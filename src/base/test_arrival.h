// SPDX-License-Identifier: GPL-3.0-or-later
// Waits for datagrams that a test sends over loopback. Beside other work the kernel may take a
// while to bring over what has been sent.
#pragma once

#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace holdfast {

// Bytes in a socket's queue, and the messages that were refused there.
inline std::array<uint32_t, 2> arrivals_at(int socket) {
  std::array<uint32_t, SK_MEMINFO_VARS> facts{};
  socklen_t size = sizeof facts;
  getsockopt(socket, SOL_SOCKET, SO_MEMINFO, facts.data(), &size);
  return {facts[SK_MEMINFO_RMEM_ALLOC], facts[SK_MEMINFO_DROPS]};
}

// Has `send` send one datagram, and waits until it has come to `socket` or was refused there.
template <typename Send>
void await_arrival(int socket, const Send& send) {
  constexpr int waits_max = 20'000;  // of a millisecond
  const auto before = arrivals_at(socket);
  send();
  for (int i = 0; i < waits_max && arrivals_at(socket) == before; ++i) usleep(1000);
}

}  // namespace holdfast
