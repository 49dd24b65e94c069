// SPDX-License-Identifier: GPL-3.0-or-later
// The rings and frames of one queue of a network card, and their passing from worker to worker.
//
// Two receive rings (lanes) share one set of frames, one fill, completion and transmit ring. At
// every moment each frame lies in a ring or with the kernel, never with a process alone: what a
// worker has in hand stays in the receive rings until `commit`, which moves all indices of a batch
// by a log in shared memory. A worker may die at any instruction; `take_over` then finishes the
// commit that was under way, or throws away the batch that was in hand, and no frame is lost.
//
// Frames and control lie in memory that supervisor and workers share. One process uses the rings
// at a time: the one that has claimed them. Thread: its owner's.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

#include "base/bytes.h"
#include "transport/xdp_ring.h"

namespace holdfast::transport {

constexpr size_t xdp_lanes = 2;  // the first is emptied before the second is looked at
constexpr size_t xdp_frame_bytes = 2048;
// 8 MiB a queue. Twice the receive ring, so that answers on their way leave enough to receive into.
constexpr uint32_t xdp_frames = 4096;
// Some milliseconds of a fast card; a worker that is started again finds what came meanwhile.
constexpr uint32_t xdp_receive_entries = 2048;
constexpr uint32_t xdp_transmit_entries = 2048;

struct XdpQueueControl {
  std::atomic<int32_t> owner{0};    // pid that uses the rings; 0: nobody
  std::atomic<uint32_t> mtu{1500};  // of the interface; written by the supervisor
  // Entries at the head of each receive ring that the owner has in hand.
  std::array<std::atomic<uint32_t>, xdp_lanes> in_hand{};
  // The log: where the indices are to stand after the commit that is under way.
  std::atomic<bool> committing{false};
  std::array<std::atomic<uint32_t>, xdp_lanes> received{};
  std::atomic<uint32_t> filled{0};
  std::atomic<uint32_t> transmitted{0};
  std::atomic<uint32_t> completed{0};
  // Counted by the owner: frames that were not answered for a fault in them, and answers that
  // found the transmit ring full.
  std::atomic<uint64_t> bad_form{0};
  std::atomic<uint64_t> bad_checksum{0};
  std::atomic<uint64_t> transmit_full{0};
};

struct XdpQueueMemory {
  XdpQueueControl control;
  alignas(4096) std::array<uint8_t, size_t{xdp_frames} * xdp_frame_bytes> frames;
};

struct XdpRings {
  std::array<XdpDescriptorRing, xdp_lanes> receive;
  XdpDescriptorRing transmit;
  XdpAddressRing fill;
  XdpAddressRing completion;
};

// Where the rings stand; made from what they hold and published by `commit`.
struct XdpPositions {
  std::array<uint32_t, xdp_lanes> received{};
  uint32_t filled = 0;
  uint32_t transmitted = 0;
  uint32_t completed = 0;
};

class XdpQueue {
 public:
  XdpQueue(XdpQueueMemory& memory, const XdpRings& rings) : memory_(&memory), rings_(rings) {}

  // False while another process has the rings.
  [[nodiscard]] bool claim(int32_t pid);
  void release(int32_t pid);
  // Call after `claim`, before anything else.
  void take_over();

  [[nodiscard]] XdpPositions positions() const;
  void set_in_hand(size_t lane, uint32_t entries) {
    memory_->control.in_hand[lane].store(entries, std::memory_order_relaxed);
  }
  // All at once, whatever becomes of this process meanwhile. Nothing is in hand afterwards.
  void commit(const XdpPositions& positions);
  // Moves sent frames from the completion ring to the fill ring, of `positions`.
  void reclaim(XdpPositions& positions) const;

  [[nodiscard]] const XdpRings& rings() const { return rings_; }
  [[nodiscard]] XdpQueueControl& control() const { return memory_->control; }
  // The frame that holds the address, from there to its end.
  [[nodiscard]] MutableBytes frame_from(uint64_t address) const;
  // Asks for the headers and the question of a frame ahead of their use, whatever the address.
  void prefetch(uint64_t address) const {
    const uint8_t* at = memory_->frames.data() + address % sizeof memory_->frames;
    __builtin_prefetch(at);
    __builtin_prefetch(at + 64);
  }
  [[nodiscard]] static uint64_t frame_start(uint64_t address) {
    return address & ~uint64_t{xdp_frame_bytes - 1};
  }

 private:
  void publish(const XdpPositions& positions);

  XdpQueueMemory* memory_;
  XdpRings rings_;
};

}  // namespace holdfast::transport
