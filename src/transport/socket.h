// SPDX-License-Identifier: GPL-3.0-or-later
// Opens the sockets on which the answer processes receive.
//
// Every worker has its own socket for each address; the kernel spreads clients over them
// (SO_REUSEPORT). Errors are sentences that name the address and the port. Called by the
// supervisor, before privileges are dropped and at reloads.
#pragma once

#include <linux/filter.h>

#include <span>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "base/file.h"
#include "transport/datagram_batch.h"

namespace holdfast::transport {

// What a worker finds waiting after 20 to 40 ms at full load. Not more: an older query has been
// repeated by its resolver already.
constexpr int receive_buffer_bytes = 4 << 20;
// Handshakes that wait for a busy or restarting worker; the kernel answers further SYNs with
// cookies.
constexpr int listen_backlog = 1024;

enum class SocketType : uint8_t { udp, tcp };

// Which worker gets a packet: any, by a hash of its addresses, or that of the processor which has
// received it.
enum class Steering : uint8_t { by_hash, by_cpu };

// Fails if anybody uses the address and port already, this program included: with SO_REUSEPORT
// alone a second server of the same user would silently take a share of the first one's queries.
[[nodiscard]] Result<void> check_address_free(const Endpoint& endpoint, SocketType type);

// Bound, not blocking; a TCP socket listens.
[[nodiscard]] Result<UniqueFd> open_socket(const Endpoint& endpoint, SocketType type);

// The same, and a TCP socket does not listen yet.
[[nodiscard]] Result<UniqueFd> open_bound(const Endpoint& endpoint, SocketType type);

// Gives each packet for the sockets that share an address with `socket` to the one of the worker
// whose processor has received it: cpus[i] is that of worker i, and socket i of those that share
// was opened i-th. Packets that other processors receive are spread over all.
[[nodiscard]] Result<void> steer_by_cpu(int socket, std::span<const uint32_t> cpus);
// What the kernel runs for it.
[[nodiscard]] std::vector<sock_filter> program_by_cpu(std::span<const uint32_t> cpus);

// What the kernel asks of each packet before this socket's queue from now on, in place of what it
// asked so far, which is taken away beforehand if both at once are more than it grants
// (net.core.optmem_max). 0, or the errno for which it does not take it; then nothing is asked.
// Needs no right, but for TCP sockets on some kernels CAP_NET_ADMIN: syn_sink.h does without.
[[nodiscard]] int attach_filter(int socket, std::span<const sock_filter> program);
void detach_filter(int socket);

// Datagrams that found the socket's queue full, or that its filter did not let through, since it
// was opened, modulo 2^32. Of a listening socket, a sink too: segments.
[[nodiscard]] uint32_t kernel_drops(int socket);
// These, and how full the queue is. The kernel gives back the room of what was read a quarter of
// the whole at a time, so it may tell a quarter too much.
[[nodiscard]] Backlog backlog_of(int socket);

}  // namespace holdfast::transport
