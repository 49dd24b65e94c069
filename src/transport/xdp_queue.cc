// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/xdp_queue.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::transport {

bool XdpQueue::claim(int32_t pid) {
  int32_t nobody = 0;
  return memory_->control.owner.compare_exchange_strong(nobody, pid);
}

void XdpQueue::release(int32_t pid) {
  int32_t mine = pid;
  memory_->control.owner.compare_exchange_strong(mine, 0);
}

// Faults stop this thread between two instructions: the order within it is what counts, and the
// kernel sees each index by itself.
void XdpQueue::commit(const XdpPositions& positions) {
  XdpQueueControl& control = memory_->control;
  for (size_t lane = 0; lane < xdp_lanes; ++lane) {
    control.received[lane].store(positions.received[lane], std::memory_order_relaxed);
  }
  control.filled.store(positions.filled, std::memory_order_relaxed);
  control.transmitted.store(positions.transmitted, std::memory_order_relaxed);
  control.completed.store(positions.completed, std::memory_order_relaxed);
  control.committing.store(true, std::memory_order_release);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  publish(positions);
}

void XdpQueue::publish(const XdpPositions& positions) {
  XdpQueueControl& control = memory_->control;
  rings_.transmit.publish_produced(positions.transmitted);
  rings_.fill.publish_produced(positions.filled);
  rings_.completion.publish_consumed(positions.completed);
  for (size_t lane = 0; lane < xdp_lanes; ++lane) {
    rings_.receive[lane].publish_consumed(positions.received[lane]);
    control.in_hand[lane].store(0, std::memory_order_relaxed);
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);
  control.committing.store(false, std::memory_order_release);
}

XdpPositions XdpQueue::positions() const {
  XdpPositions positions;
  for (size_t lane = 0; lane < xdp_lanes; ++lane) {
    positions.received[lane] = rings_.receive[lane].consumed();
  }
  positions.filled = rings_.fill.produced();
  positions.transmitted = rings_.transmit.produced();
  positions.completed = rings_.completion.consumed();
  return positions;
}

void XdpQueue::take_over() {
  XdpQueueControl& control = memory_->control;
  if (control.committing.load(std::memory_order_acquire)) {
    XdpPositions logged;
    for (size_t lane = 0; lane < xdp_lanes; ++lane) {
      logged.received[lane] = control.received[lane].load(std::memory_order_relaxed);
    }
    logged.filled = control.filled.load(std::memory_order_relaxed);
    logged.transmitted = control.transmitted.load(std::memory_order_relaxed);
    logged.completed = control.completed.load(std::memory_order_relaxed);
    publish(logged);
    return;
  }
  // One of these packets may be what killed the worker; none is looked at again.
  XdpPositions positions = this->positions();
  for (size_t lane = 0; lane < xdp_lanes; ++lane) {
    const XdpDescriptorRing& ring = rings_.receive[lane];
    const uint32_t in_hand = std::min(control.in_hand[lane].load(), ring.waiting());
    for (uint32_t i = 0; i < in_hand; ++i) {
      const uint64_t address = ring.entry(positions.received[lane]++).addr;
      rings_.fill.entry(positions.filled++) = frame_start(address);
    }
  }
  reclaim(positions);
  commit(positions);
}

void XdpQueue::reclaim(XdpPositions& positions) const {
  const uint32_t end = rings_.completion.produced();
  for (; positions.completed != end; ++positions.completed) {
    const uint64_t address = rings_.completion.entry(positions.completed);
    rings_.fill.entry(positions.filled++) = frame_start(address);
  }
}

MutableBytes XdpQueue::frame_from(uint64_t address) const {
  CHECK(address < memory_->frames.size());  // the kernel's word; a wrong one must not be followed
  const size_t end = frame_start(address) + xdp_frame_bytes;
  return MutableBytes(memory_->frames).subspan(address, end - address);
}

}  // namespace holdfast::transport
