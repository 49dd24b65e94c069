// SPDX-License-Identifier: GPL-3.0-or-later
// The connections of a TcpServer: their slots, who waits how long for what, and the large buffers.
//
// Internal to tcp.cc. Slots come in blocks that are allocated when limits are set. Each slot in use
// is in exactly one queue; as all in a queue have the same time allowance, its head is the next to
// be overdue. Thread: the owner's.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace holdfast::transport {

constexpr size_t own_buffer_bytes = 2048;
constexpr uint32_t no_slot = std::numeric_limits<uint32_t>::max();

// What a connection waits for.
enum class Waiting : uint8_t {
  request,        // nothing has come since the last answer
  rest,           // of a message
  rest_in_large,  // of a message that has borrowed a large buffer
  reader,         // the client is to take a response, kept in a large buffer
};
constexpr size_t waiting_count = 4;

struct Connection {
  int fd = -1;
  uint32_t generation = 0;  // tells events for an earlier user of the slot
  Waiting waiting = Waiting::request;
  uint64_t since_ms = 0;  // it has waited for this
  uint64_t client = 0;    // for AddressCounts
  sockaddr_in6 remote{};
  sockaddr_in6 local{};
  uint32_t previous = no_slot;  // in its queue, or the free list (next only)
  uint32_t next = no_slot;
  uint32_t large = no_slot;  // borrowed buffer
  uint32_t filled = 0;   // bytes of requests in `own`, or of the one request in the large buffer
  uint32_t pending = 0;  // bytes of responses in the large buffer, from the start of a message
  uint32_t sent = 0;     // of `pending`
  std::array<uint8_t, own_buffer_bytes> own;
};

class TcpTable {
 public:
  static constexpr size_t large_bytes = 2 * (2 + 65535);  // what answer_messages may have written

  TcpTable(size_t connections_max, size_t large_max);

  void grow(size_t connections_max);
  [[nodiscard]] size_t in_use() const { return in_use_; }
  [[nodiscard]] size_t capacity() const { return blocks_.size() * block_size; }

  [[nodiscard]] Connection& at(uint32_t slot) {
    return blocks_[slot / block_size]->connections[slot % block_size];
  }
  // A free slot, entered as waiting for a request; no_slot if there is none.
  uint32_t acquire(uint64_t now_ms);
  void release(uint32_t slot);
  // Enters the queue's end, from where it is.
  void wait_for(uint32_t slot, Waiting waiting, uint64_t since_ms);
  // Who has waited longest for this; no_slot if nobody does.
  [[nodiscard]] uint32_t longest(Waiting waiting) const { return queue(waiting).head; }
  [[nodiscard]] const Connection& at(uint32_t slot) const {
    return blocks_[slot / block_size]->connections[slot % block_size];
  }

  // False if all are lent.
  bool borrow_large(Connection& connection);
  void return_large(Connection& connection);
  [[nodiscard]] MutableBytes large(const Connection& connection);

 private:
  static constexpr size_t block_size = 64;
  struct Block {
    std::array<Connection, block_size> connections;
  };
  struct Queue {
    uint32_t head = no_slot;
    uint32_t tail = no_slot;
  };
  [[nodiscard]] const Queue& queue(Waiting waiting) const {
    return queues_[static_cast<size_t>(waiting)];
  }
  void leave_queue(Connection& connection);

  std::vector<std::unique_ptr<Block>> blocks_;
  uint32_t free_ = no_slot;
  size_t in_use_ = 0;
  std::array<Queue, waiting_count> queues_{};
  std::unique_ptr<uint8_t[]> large_memory_;  // NOLINT: left untouched until it is lent
  std::vector<uint32_t> large_free_;
};

}  // namespace holdfast::transport
