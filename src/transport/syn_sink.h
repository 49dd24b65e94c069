// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps beginnings of TCP connections away from listening sockets, without any right.
//
// A filter on a TCP socket needs CAP_NET_ADMIN on newer kernels; to choose among the listening
// sockets that share an address needs none (SO_ATTACH_REUSEPORT_CBPF). So one more socket shares
// it, the sink, which listens while some are to be kept away, and which the program then chooses
// for them. It drops whatever has come over a router, or from a sender that does not ask for a hop
// limit of 255 (IP_MINTTL, RFC 5082), as soon as the kernel has found it: nothing is kept, no
// cookie is sent, and the socket counts it (`kernel_drops`; of the whole machine TCPMinTTLDrop of
// /proc/net/netstat). In quiet times it does not listen, so the kernel does not choose it. Nobody
// accepts from it.
//
// The kernel numbers sockets in the order in which they began to listen, and puts the last into the
// place of one that goes: so the sink, which begins last, is the one behind the others. Owner of
// the sockets: the supervisor. Called by the one worker that has the sinks; never allocates but
// where a vector is returned.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "base/file.h"
#include "transport/socket.h"

namespace holdfast::transport {

// How the kernel is to choose among the listening sockets of an address, sinks aside.
struct ListenerChoice {
  uint32_t listeners = 1;  // of each address, which is the number of its sink
  Steering steering = Steering::by_hash;
  // The choice as a program, which ends in it. By hash: a listener by lot.
  std::vector<sock_filter> program;
};
[[nodiscard]] ListenerChoice choose_by_lot(uint32_t listeners);
[[nodiscard]] ListenerChoice choose_by_cpu(std::span<const uint32_t> cpus);

// Bound, and does not listen.
[[nodiscard]] Result<UniqueFd> open_sink(const Endpoint& endpoint);

// From now on this program chooses for those who begin a connection with the address of `listener`.
// 0, or the errno for which the kernel does not take it: then nobody is kept away.
[[nodiscard]] int divert(int listener, int sink, std::span<const sock_filter> program);
// As in quiet times. 0, or the errno for which the kernel takes no such program at all.
[[nodiscard]] int end_diversion(int listener, int sink, const ListenerChoice& choice);
// It listens no more, so that sockets which begin to listen now come before it.
void rest_sink(int sink);

}  // namespace holdfast::transport
