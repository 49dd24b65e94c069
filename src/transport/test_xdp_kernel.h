// SPDX-License-Identifier: GPL-3.0-or-later
// Plays the kernel's part at the rings of a queue, for tests.
//
// `deliver` receives a frame from the wire, `transmit` sends what waits. `count_frames` tells for
// each frame in how many rings it lies: exactly one is right whenever the kernel holds none.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "transport/xdp_queue.h"

namespace holdfast::transport {

class TestXdpKernel {
 public:
  TestXdpKernel() : memory_(std::make_unique<XdpQueueMemory>()) {
    rings_.fill = make(fill_, xdp_frames);
    rings_.completion = make(completion_, xdp_transmit_entries);
    rings_.transmit = make(transmit_, xdp_transmit_entries);
    for (size_t lane = 0; lane < xdp_lanes; ++lane) {
      rings_.receive[lane] = make(receive_[lane], xdp_receive_entries);
    }
    for (uint32_t i = 0; i < xdp_frames; ++i) {
      rings_.fill.entry(i) = uint64_t{i} * xdp_frame_bytes;
    }
    rings_.fill.publish_produced(xdp_frames);
  }

  [[nodiscard]] XdpQueueMemory& memory() { return *memory_; }
  [[nodiscard]] const XdpRings& rings() const { return rings_; }

  // False if there is no frame or no room in the ring.
  bool deliver(size_t lane, Bytes frame) {
    const XdpDescriptorRing& ring = rings_.receive[lane];
    if (rings_.fill.waiting() == 0 || ring.waiting() == ring.size()) return false;
    const uint64_t address = rings_.fill.entry(rings_.fill.consumed()) + headroom_bytes;
    rings_.fill.publish_consumed(rings_.fill.consumed() + 1);
    std::ranges::copy(frame, memory_->frames.begin() + static_cast<ptrdiff_t>(address));
    ring.entry(ring.produced()) = {
        .addr = address, .len = static_cast<uint32_t>(frame.size()), .options = 0};
    ring.publish_produced(ring.produced() + 1);
    return true;
  }

  // The frames sent, at most `count`.
  std::vector<std::vector<uint8_t>> transmit(size_t count = SIZE_MAX) {
    std::vector<std::vector<uint8_t>> sent;
    const XdpAddressRing& done = rings_.completion;
    while (sent.size() < count && rings_.transmit.waiting() > 0 && done.waiting() < done.size()) {
      const xdp_desc entry = rings_.transmit.entry(rings_.transmit.consumed());
      rings_.transmit.publish_consumed(rings_.transmit.consumed() + 1);
      const auto at = memory_->frames.begin() + static_cast<ptrdiff_t>(entry.addr);
      sent.emplace_back(at, at + entry.len);
      done.entry(done.produced()) = entry.addr;
      done.publish_produced(done.produced() + 1);
    }
    return sent;
  }

  // As `transmit`, without looking at the frames.
  void complete() {
    const XdpAddressRing& done = rings_.completion;
    while (rings_.transmit.waiting() > 0 && done.waiting() < done.size()) {
      done.entry(done.produced()) = rings_.transmit.entry(rings_.transmit.consumed()).addr;
      rings_.transmit.publish_consumed(rings_.transmit.consumed() + 1);
      done.publish_produced(done.produced() + 1);
    }
  }

  [[nodiscard]] std::vector<int> count_frames() const {
    std::vector<int> counts(xdp_frames);
    const auto count = [&](uint64_t address) { ++counts[address / xdp_frame_bytes]; };
    const auto walk = [&](const auto& ring, auto&& address_of) {
      for (uint32_t i = ring.consumed(); i != ring.produced(); ++i)
        count(address_of(ring.entry(i)));
    };
    const auto plain = [](uint64_t address) { return address; };
    const auto described = [](const xdp_desc& entry) { return entry.addr; };
    walk(rings_.fill, plain);
    walk(rings_.completion, plain);
    walk(rings_.transmit, described);
    for (const XdpDescriptorRing& ring : rings_.receive) walk(ring, described);
    return counts;
  }
  [[nodiscard]] bool every_frame_is_somewhere() const {
    return std::ranges::all_of(count_frames(), [](int count) { return count == 1; });
  }

 private:
  static constexpr uint64_t headroom_bytes = 256;  // XDP_PACKET_HEADROOM

  template <typename Entry>
  struct Storage {
    uint32_t producer = 0;
    uint32_t consumer = 0;
    uint32_t flags = 0;
    std::vector<Entry> entries;
  };
  template <typename Entry>
  static XdpRing<Entry> make(Storage<Entry>& storage, uint32_t size) {
    // Where indices wrap is where mistakes show.
    storage.producer = storage.consumer = 0U - size / 2;
    if constexpr (std::is_same_v<Entry, uint64_t>) {
      if (size == xdp_frames) storage.producer = storage.consumer = 0;
    }
    storage.entries.resize(size);
    return XdpRing<Entry>({.producer = &storage.producer,
                           .consumer = &storage.consumer,
                           .flags = &storage.flags,
                           .entries = storage.entries.data(),
                           .size = size});
  }

  std::unique_ptr<XdpQueueMemory> memory_;
  Storage<uint64_t> fill_;
  Storage<uint64_t> completion_;
  Storage<xdp_desc> transmit_;
  std::array<Storage<xdp_desc>, xdp_lanes> receive_;
  XdpRings rings_;
};

}  // namespace holdfast::transport
