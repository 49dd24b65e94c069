// SPDX-License-Identifier: GPL-3.0-or-later
// Opens the AF_XDP sockets of a network card's queue, and maps their rings.
//
// The supervisor opens (CAP_NET_RAW; memory beyond RLIMIT_MEMLOCK needs CAP_IPC_LOCK) and keeps
// descriptors and memory; workers inherit both, map the rings and need no right. All frames are in
// the fill ring when `open` returns. Errors are sentences for the operator.
#pragma once

#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/shared_memory.h"
#include "transport/xdp_queue.h"

namespace holdfast::transport {

enum class XdpCopy : uint8_t { kernels_choice, always };

struct XdpSockets {
  std::array<UniqueFd, xdp_lanes> lanes;  // the first also transmits
  SharedObject<XdpQueueMemory> memory;
  bool zero_copy = false;
};
[[nodiscard]] Result<XdpSockets> open_xdp_sockets(unsigned interface, uint32_t queue, XdpCopy copy);
// Receiving from them may drive the card\'s queue from now on (CAP_NET_ADMIN).
[[nodiscard]] Result<void> enable_busy_polling(const XdpSockets& sockets);

struct UnmapBytes {
  size_t bytes = 0;
  void operator()(uint8_t* at) const;
};

// The rings of such sockets in this process, from their descriptors.
class XdpRingMapping {
 public:
  [[nodiscard]] static Result<XdpRingMapping> map(const std::array<int, xdp_lanes>& sockets);
  [[nodiscard]] const XdpRings& rings() const { return rings_; }

 private:
  using Area = std::unique_ptr<uint8_t, UnmapBytes>;

  template <typename Ring>
  [[nodiscard]] Result<void> map_ring(int socket, off_t page, uint32_t entries, Ring& ring);

  std::array<Area, xdp_lanes + 3> areas_;
  size_t area_count_ = 0;
  XdpRings rings_;
};

// What the kernel has counted at a queue's sockets since they were opened.
struct XdpStatistics {
  uint64_t dropped = 0;          // no room in the socket's buffers for other reasons
  uint64_t receive_full = 0;     // the receive ring was full
  uint64_t fill_empty = 0;       // no frame was free
  uint64_t receive_invalid = 0;  // descriptors that the kernel did not accept
  uint64_t transmit_invalid = 0;
};
[[nodiscard]] XdpStatistics read_xdp_statistics(const std::array<int, xdp_lanes>& sockets);

}  // namespace holdfast::transport
