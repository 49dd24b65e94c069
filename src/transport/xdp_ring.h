// SPDX-License-Identifier: GPL-3.0-or-later
// One ring of an AF_XDP socket: a queue of entries between this process and the kernel.
//
// Single producer, single consumer; indices run freely modulo 2^32 and live in memory that the
// kernel shares, so a ring outlives the process that used it. This class holds no state of its
// own: what has been read or written but not yet published is the caller's to know. Views memory
// that somebody else maps.
#pragma once

#include <linux/if_xdp.h>

#include <atomic>
#include <cstdint>

namespace holdfast::transport {

template <typename Entry>
class XdpRing {
 public:
  struct Memory {
    uint32_t* producer = nullptr;
    uint32_t* consumer = nullptr;
    uint32_t* flags = nullptr;
    Entry* entries = nullptr;
    uint32_t size = 0;  // a power of two
  };

  XdpRing() = default;
  explicit XdpRing(const Memory& memory) : memory_(memory) {}

  [[nodiscard]] uint32_t produced() const { return load(memory_.producer); }
  [[nodiscard]] uint32_t consumed() const { return load(memory_.consumer); }
  [[nodiscard]] uint32_t waiting() const { return produced() - consumed(); }
  [[nodiscard]] uint32_t size() const { return memory_.size; }
  [[nodiscard]] Entry& entry(uint32_t index) const {
    return memory_.entries[index & (memory_.size - 1)];
  }
  // What was written up to there is the other side's; what was read up to there may be reused.
  void publish_produced(uint32_t index) const { store(memory_.producer, index); }
  void publish_consumed(uint32_t index) const { store(memory_.consumer, index); }
  [[nodiscard]] bool needs_wakeup() const {
    return (load(memory_.flags) & XDP_RING_NEED_WAKEUP) != 0;
  }

 private:
  static uint32_t load(uint32_t* at) {
    return std::atomic_ref(*at).load(std::memory_order_acquire);
  }
  static void store(uint32_t* at, uint32_t value) {
    std::atomic_ref(*at).store(value, std::memory_order_release);
  }

  Memory memory_;
};

using XdpAddressRing = XdpRing<uint64_t>;     // fill, completion
using XdpDescriptorRing = XdpRing<xdp_desc>;  // receive, transmit

}  // namespace holdfast::transport
