// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/xdp_batch.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace holdfast::transport {

namespace {

// Without XDP_MAX_TX_SKB_BUDGET the kernel copies 32 frames a call.
constexpr int wakes_max = 4;
// Frames lie on pages of their own, and few are in a cache near by.
constexpr uint32_t frames_ahead = 8;

}  // namespace

XdpBatch::XdpBatch(const ReceiveMemory& memory)
    : memory_(memory), row_bytes_(memory.bytes.size() / size_max) {
  CHECK(row_bytes_ >= xdp_frame_bytes);
}

void XdpBatch::attach(XdpQueue& queue, const Conduct& conduct) {
  queue_ = &queue;
  conduct_ = conduct;
}

size_t XdpBatch::receive() {
  received_ = 0;
  if (conduct_.busy_poll) drive();
  positions_ = queue_->positions();
  queue_->reclaim(positions_);
  uint32_t taken = 0;
  for (size_t lane = 0; lane < xdp_lanes; ++lane) taken += take(lane);
  // By itself: to copy an address that was just written in parts would wait for its parts.
  for (size_t i = 0; i < received_; ++i) memory_.peers[i] = frames_[i].peer;
  if (received_ == 0 && taken > 0) queue_->commit(positions_);  // there will be no `send`
  return received_;
}

Backlog XdpBatch::backlog() const {
  uint32_t waiting = 0;
  for (const XdpDescriptorRing& ring : queue_->rings().receive) {
    waiting = std::max(waiting, ring.waiting());
  }
  return {.permille = waiting * 1000 / xdp_receive_entries, .drops = 0};
}

void XdpBatch::drive() {
  uint32_t waiting = 0;
  for (const XdpDescriptorRing& ring : queue_->rings().receive) waiting += ring.waiting();
  if (waiting >= size_max) return;
  recvfrom(conduct_.socket, nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
}

// Returns how many entries were taken, bad ones included.
uint32_t XdpBatch::take(size_t lane) {
  const XdpDescriptorRing& ring = queue_->rings().receive[lane];
  const auto room = static_cast<uint32_t>(size_max - received_);
  const uint32_t count = std::min(ring.waiting(), room);
  queue_->set_in_hand(lane, count);
  for (uint32_t i = 0; i < std::min(count, frames_ahead); ++i) {
    queue_->prefetch(ring.entry(positions_.received[lane] + i).addr);
  }
  for (uint32_t i = 0; i < count; ++i) {
    if (i + frames_ahead < count) {
      queue_->prefetch(ring.entry(positions_.received[lane] + frames_ahead).addr);
    }
    const xdp_desc entry = ring.entry(positions_.received[lane]++);
    keep(entry.addr, entry.len);
  }
  return count;
}

void XdpBatch::keep(uint64_t address, uint32_t bytes) {
  const MutableBytes room = queue_->frame_from(address);
  UdpFrame& frame = frames_[received_];
  XdpQueueControl& control = queue_->control();
  const size_t size = std::min<size_t>(bytes, room.size());
  const FrameFault fault = read_frame(room.first(size), conduct_.trust, frame);
  if (fault != FrameFault::none) {
    auto& counter = fault == FrameFault::form ? control.bad_form : control.bad_checksum;
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    drop(address);
    return;
  }
  std::memcpy(memory_.bytes.data() + received_ * row_bytes_, room.data() + frame.payload_at,
              frame.payload_bytes);
  addresses_[received_] = address;
  answers_[received_] = 0;
  ++received_;
}

void XdpBatch::drop(uint64_t address) {
  queue_->rings().fill.entry(positions_.filled++) = XdpQueue::frame_start(address);
}

Bytes XdpBatch::datagram(size_t index) const {
  return Bytes(memory_.bytes).subspan(index * row_bytes_, frames_[index].payload_bytes);
}

MutableBytes XdpBatch::response_room(size_t index) {
  const MutableBytes room = queue_->frame_from(addresses_[index]);
  const size_t frame_max = ethernet_bytes + queue_->control().mtu.load(std::memory_order_relaxed);
  const size_t at = frames_[index].payload_at;
  return room.first(std::min(room.size(), frame_max)).subspan(at);
}

SendReport XdpBatch::send() {
  SendReport report;
  const XdpDescriptorRing& transmit = queue_->rings().transmit;
  uint32_t free = transmit.size() - (positions_.transmitted - transmit.consumed());
  for (size_t i = 0; i < received_; ++i) {
    const uint64_t address = addresses_[i];
    if (answers_[i] == 0 || free == 0) {
      if (answers_[i] != 0) ++report.buffer_full;
      drop(address);
      continue;
    }
    const size_t size = write_answer_headers(queue_->frame_from(address), frames_[i], answers_[i],
                                             ++identification_);
    transmit.entry(positions_.transmitted++) = {
        .addr = address, .len = static_cast<uint32_t>(size), .options = 0};
    --free;
    ++report.sent;
  }
  XdpQueueControl& control = queue_->control();
  if (report.buffer_full > 0) {
    control.transmit_full.store(control.transmit_full.load() + report.buffer_full);
  }
  queue_->commit(positions_);
  received_ = 0;
  wake();
  return report;
}

void XdpBatch::tend() {
  positions_ = queue_->positions();
  const uint32_t before = positions_.completed;
  queue_->reclaim(positions_);
  if (positions_.completed != before) queue_->commit(positions_);
  wake();
}

// In copy mode the kernel takes from the transmit ring within this call. What it does not take
// (its buffers are full) is taken at the next one.
void XdpBatch::wake() {
  const XdpRings& rings = queue_->rings();
  if (conduct_.socket < 0) return;
  if (rings.fill.needs_wakeup())
    recvfrom(conduct_.socket, nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
  for (int i = 0; i < wakes_max; ++i) {
    if (rings.transmit.waiting() == 0 || !rings.transmit.needs_wakeup()) return;
    const ssize_t sent = sendto(conduct_.socket, nullptr, 0, MSG_DONTWAIT, nullptr, 0);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return;
  }
}

}  // namespace holdfast::transport
