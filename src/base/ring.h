// SPDX-License-Identifier: GPL-3.0-or-later
// A bounded queue of records of any size from one process to another, in memory that they share.
//
// One producer, one consumer, neither ever waits: a record that finds no room is dropped and
// counted. Either side may die at any moment and be replaced: a record becomes visible only whole,
// and a consumer that finds an impossible length (the producer's memory was damaged before it died)
// throws away what is queued. Bound: capacity_bytes, a power of two. The bytes are left as the
// mapping gives them, so that an unused ring costs no memory.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "base/bytes.h"

namespace holdfast {

template <size_t capacity_bytes>
class Ring {
  static_assert(std::has_single_bit(capacity_bytes) && capacity_bytes >= 64);

 public:
  Ring() {}  // NOLINT: bytes_ stays untouched on purpose

  static constexpr size_t record_bytes_max = capacity_bytes / 2;

  // Producer: appends one record made of `parts`. False if it was dropped.
  bool push(std::initializer_list<Bytes> parts) {
    size_t size = 0;
    for (const Bytes part : parts) size += part.size();
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const uint64_t used = head - tail_.load(std::memory_order_acquire);
    if (size > record_bytes_max || used > capacity_bytes || capacity_bytes - used < stride(size)) {
      lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return false;
    }
    const uint64_t length = size;
    copy_in(head, Bytes(reinterpret_cast<const uint8_t*>(&length), length_bytes));
    uint64_t at = head + length_bytes;
    for (const Bytes part : parts) {
      copy_in(at, part);
      at += part.size();
    }
    head_.store(head + stride(size), std::memory_order_release);
    return true;
  }

  // Consumer: copies the oldest record into `out` (record_bytes_max always suffices) and returns
  // its bytes; empty if there is none.
  Bytes pop(MutableBytes out) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    const uint64_t head = head_.load(std::memory_order_acquire);
    if (head == tail) return {};
    uint64_t size = 0;
    copy_out(tail, MutableBytes(reinterpret_cast<uint8_t*>(&size), length_bytes));
    if (size > record_bytes_max || size > out.size() || stride(size) > head - tail) {
      tail_.store(head, std::memory_order_release);
      return {};
    }
    copy_out(tail + length_bytes, out.first(size));
    tail_.store(tail + stride(size), std::memory_order_release);
    return out.first(size);
  }

  [[nodiscard]] uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool empty() const {
    return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr size_t length_bytes = sizeof(uint64_t);

  static uint64_t stride(uint64_t size) { return (length_bytes + size + 7) & ~uint64_t{7}; }

  void copy_in(uint64_t position, Bytes from) {
    if (from.empty()) return;
    const size_t at = position & (capacity_bytes - 1);
    const size_t first = std::min(from.size(), capacity_bytes - at);
    std::memcpy(bytes_.data() + at, from.data(), first);
    if (first < from.size()) std::memcpy(bytes_.data(), from.data() + first, from.size() - first);
  }
  void copy_out(uint64_t position, MutableBytes to) const {
    if (to.empty()) return;
    const size_t at = position & (capacity_bytes - 1);
    const size_t first = std::min(to.size(), capacity_bytes - at);
    std::memcpy(to.data(), bytes_.data() + at, first);
    if (first < to.size()) std::memcpy(to.data() + first, bytes_.data(), to.size() - first);
  }

  alignas(64) std::atomic<uint64_t> head_{0};
  std::atomic<uint64_t> lost_{0};
  alignas(64) std::atomic<uint64_t> tail_{0};
  alignas(64) std::array<uint8_t, capacity_bytes> bytes_;
};

}  // namespace holdfast
