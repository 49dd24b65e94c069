// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/tcp_table.h"

#include "base/check.h"

namespace holdfast::transport {

TcpTable::TcpTable(size_t connections_max, size_t large_max)
    : large_memory_(std::make_unique_for_overwrite<uint8_t[]>(large_max * large_bytes)) {
  large_free_.reserve(large_max);
  for (size_t i = large_max; i > 0; --i) large_free_.push_back(static_cast<uint32_t>(i - 1));
  grow(connections_max);
}

void TcpTable::grow(size_t connections_max) {
  while (capacity() < connections_max) {
    const auto first = static_cast<uint32_t>(capacity());
    blocks_.push_back(std::make_unique_for_overwrite<Block>());
    for (uint32_t i = block_size; i > 0; --i) {
      at(first + i - 1).next = free_;
      free_ = first + i - 1;
    }
  }
}

uint32_t TcpTable::acquire(uint64_t now_ms) {
  const uint32_t slot = free_;
  if (slot == no_slot) return no_slot;
  Connection& connection = at(slot);
  free_ = connection.next;
  ++connection.generation;
  connection.previous = connection.next = no_slot;
  connection.large = no_slot;
  connection.filled = connection.pending = connection.sent = 0;
  ++in_use_;
  connection.waiting = Waiting::request;
  connection.since_ms = now_ms;
  Queue& target = queues_[static_cast<size_t>(Waiting::request)];
  connection.previous = target.tail;
  (target.tail == no_slot ? target.head : at(target.tail).next) = slot;
  target.tail = slot;
  return slot;
}

void TcpTable::release(uint32_t slot) {
  Connection& connection = at(slot);
  leave_queue(connection);
  return_large(connection);
  connection.fd = -1;
  connection.next = free_;
  free_ = slot;
  --in_use_;
}

void TcpTable::wait_for(uint32_t slot, Waiting waiting, uint64_t since_ms) {
  Connection& connection = at(slot);
  leave_queue(connection);
  connection.waiting = waiting;
  connection.since_ms = since_ms;
  Queue& target = queues_[static_cast<size_t>(waiting)];
  connection.previous = target.tail;
  connection.next = no_slot;
  (target.tail == no_slot ? target.head : at(target.tail).next) = slot;
  target.tail = slot;
}

void TcpTable::leave_queue(Connection& connection) {
  Queue& source = queues_[static_cast<size_t>(connection.waiting)];
  (connection.previous == no_slot ? source.head : at(connection.previous).next) = connection.next;
  (connection.next == no_slot ? source.tail : at(connection.next).previous) = connection.previous;
}

bool TcpTable::borrow_large(Connection& connection) {
  if (connection.large != no_slot) return true;
  if (large_free_.empty()) return false;
  connection.large = large_free_.back();
  large_free_.pop_back();
  return true;
}

void TcpTable::return_large(Connection& connection) {
  if (connection.large == no_slot) return;
  large_free_.push_back(connection.large);
  connection.large = no_slot;
}

MutableBytes TcpTable::large(const Connection& connection) {
  CHECK(connection.large != no_slot);
  return {large_memory_.get() + connection.large * large_bytes, large_bytes};
}

}  // namespace holdfast::transport
