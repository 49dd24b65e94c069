// SPDX-License-Identifier: GPL-3.0-or-later
// A batch of datagrams at a queue of a network card, received and answered in place.
//
// Keeps the contract of datagram_batch.h and serves several queues in turn. The answer is written
// into the frame that the question came in, whose headers are then turned round; the question
// itself, some 60 bytes, is copied out first, because it is read until its answer is sampled.
// Frames with a wrong checksum are dropped and counted in the queue's control. An answer is at most
// what the frame and the interface's MTU hold. Never allocates. Thread: the owner's. Bound:
// size_max datagrams, of which the first lane has all that it can fill.
#pragma once

#include <array>
#include <span>

#include "transport/datagram_batch.h"
#include "transport/xdp_frame.h"
#include "transport/xdp_queue.h"

namespace holdfast::transport {

class XdpBatch {
 public:
  static constexpr size_t size_max = 64;

  // As UdpBatch: where what is received can be read by the supervisor.
  struct ReceiveMemory {
    MutableBytes bytes;
    std::span<sockaddr_in6, size_max> peers;
  };
  explicit XdpBatch(const ReceiveMemory& memory);

  // How the kernel is dealt with at a queue.
  struct Conduct {
    int socket = -1;  // through which it is woken; -1: it is not, for tests
    ChecksumTrust trust = ChecksumTrust::full_only;
    bool busy_poll = false;  // `receive` drives the queue where it has less than a batch
  };
  // The queue that is received from and sent to from now on.
  void attach(XdpQueue& queue, const Conduct& conduct);

  size_t receive();
  [[nodiscard]] Bytes datagram(size_t index) const;
  [[nodiscard]] const sockaddr_in6& peer(size_t index) const { return memory_.peers[index]; }
  [[nodiscard]] Bytes local_address(size_t index) const {
    return frames_[index].local_address_bytes();
  }
  [[nodiscard]] uint16_t local_port(size_t index) const { return frames_[index].local_port; }
  [[nodiscard]] uint8_t hop_limit(size_t index) const { return frames_[index].hop_limit; }
  [[nodiscard]] MutableBytes response_room(size_t index);
  void respond(size_t index, size_t bytes) { answers_[index] = static_cast<uint16_t>(bytes); }
  SendReport send();

  // What waits in the receive ring that is filled most. What finds a ring full is counted by the
  // kernel, and not here.
  [[nodiscard]] Backlog backlog() const;

  // When nothing is received: gives the kernel back the frames that it has sent, and wakes it if
  // it waits. Call some times a second for each queue.
  void tend();

 private:
  void drive();
  uint32_t take(size_t lane);
  void keep(uint64_t address, uint32_t bytes);
  void drop(uint64_t address);
  void wake();

  ReceiveMemory memory_;
  size_t row_bytes_;
  XdpQueue* queue_ = nullptr;
  Conduct conduct_;
  XdpPositions positions_;
  size_t received_ = 0;
  uint16_t identification_ = 0;
  std::array<UdpFrame, size_max> frames_;
  std::array<uint64_t, size_max> addresses_;
  std::array<uint16_t, size_max> answers_;  // bytes; 0: none
};
static_assert(DatagramBatch<XdpBatch>);

}  // namespace holdfast::transport
