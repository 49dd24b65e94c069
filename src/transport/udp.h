// SPDX-License-Identifier: GPL-3.0-or-later
// A batch of datagrams: received with one system call, answered with one.
//
// The bytes and peers of what was received lie in memory that the caller gives (shared with a
// supervisor, so that it can read what a dead worker had in hand); responses and headers are the
// batch's own. A response leaves from the address that was asked, whatever interface its route
// takes. Allocates at construction only. Thread: the owner's. Bound: size_max datagrams.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <span>

#include "base/bytes.h"

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

  // Takes what waits at the socket and forgets the batch before. Returns how many; 0 for none.
  size_t receive(int socket);

  [[nodiscard]] Bytes datagram(size_t index) const;
  [[nodiscard]] const sockaddr_in6& peer(size_t index) const;  // a sockaddr_in if so its family
  // The address that was asked: 4 or 16 bytes; empty if the kernel did not tell.
  [[nodiscard]] Bytes local_address(size_t index) const;

  // Where to write the response to the datagram, and that it is to be sent.
  [[nodiscard]] MutableBytes response_room(size_t index);
  void respond(size_t index, size_t bytes);

  // Sends all responses of the batch. What the kernel does not take at once is lost: to wait would
  // let one full queue delay everybody.
  struct SendReport {
    size_t sent = 0;
    size_t buffer_full = 0;
    size_t failed = 0;
  };
  SendReport send(int socket);

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
  size_t received_ = 0;
  size_t stale_ = size_max;  // headers to set up again before they are used
  size_t responses_ = 0;
};

}  // namespace holdfast::transport
