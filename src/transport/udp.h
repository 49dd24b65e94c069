// SPDX-License-Identifier: GPL-3.0-or-later
// A batch of datagrams at a socket: received with one system call, answered with one.
//
// Keeps the contract of datagram_batch.h and serves several sockets in turn, one at a time.
// The bytes and peers of what was received lie in memory that the caller gives (shared with a
// supervisor, so that it can read what a dead worker had in hand); responses and headers are the
// batch's own. A response leaves from the address that was asked, whatever interface its route
// takes: the kernel tells it of each datagram where the socket is bound to a wildcard (socket.h),
// else it is the socket's. Allocates at construction only. Thread: the owner's. Bound: size_max
// datagrams.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "transport/datagram_batch.h"

namespace holdfast::transport {

constexpr size_t response_bytes_max = 4096;  // the most that UDP answers may be configured to

class UdpBatch {
 public:
  static constexpr size_t size_max = 64;

  // Memory for what is received: `bytes` is cut into size_max equal buffers.
  struct ReceiveMemory {
    MutableBytes bytes;
    std::span<sockaddr_in6, size_max> peers;
  };
  explicit UdpBatch(const ReceiveMemory& memory);
  UdpBatch(UdpBatch&&) noexcept;
  UdpBatch& operator=(UdpBatch&&) noexcept;
  ~UdpBatch();

  // The socket that is received from and sent to from now on, bound to that port. While the batch
  // lives, a descriptor stands for one socket.
  void attach(int socket, uint16_t local_port);

  size_t receive();
  [[nodiscard]] Bytes datagram(size_t index) const;
  [[nodiscard]] const sockaddr_in6& peer(size_t index) const;
  [[nodiscard]] Bytes local_address(size_t index) const;
  [[nodiscard]] uint16_t local_port([[maybe_unused]] size_t index) const { return local_port_; }
  [[nodiscard]] uint8_t hop_limit(size_t index) const;
  [[nodiscard]] MutableBytes response_room(size_t index);
  void respond(size_t index, size_t bytes);
  SendReport send();

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
  int socket_ = -1;
  uint16_t local_port_ = 0;
  size_t bound_place_ = 0;
  bool informs_ = false;  // the socket says of each datagram which address it was sent to
  size_t received_ = 0;
  size_t stale_ = size_max;  // headers to set up again before they are used
  size_t responses_ = 0;
};
static_assert(DatagramBatch<UdpBatch>);

}  // namespace holdfast::transport
