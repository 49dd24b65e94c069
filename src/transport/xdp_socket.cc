// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/xdp_socket.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace holdfast::transport {

namespace {

// Any time but zero switches it on: a call that does not block goes through the queue once.
constexpr int busy_poll_us = 20;
constexpr int busy_poll_packets = 64;  // one batch

constexpr int option_transmit_budget = 9;  // XDP_MAX_TX_SKB_BUDGET, since Linux 6.17

bool set_option(int socket, int option, uint32_t value) {
  return setsockopt(socket, SOL_XDP, option, &value, sizeof value) == 0;
}

std::unexpected<Error> open_error(int error_number) {
  switch (error_number) {
    case EPERM:
    case EACCES:
      return fail("AF_XDP sockets need root or CAP_NET_RAW");
    case ENOBUFS:
    case ENOMEM:
      return fail(
          "too little memory may be locked for AF_XDP frames (8 MiB a queue): raise "
          "LimitMEMLOCK=, or grant CAP_IPC_LOCK");
    case EAFNOSUPPORT:
      return fail("this kernel has no AF_XDP sockets");
    case EBUSY:
      return fail("another program has AF_XDP sockets at its queues");
    default:
      return fail_system("cannot open AF_XDP sockets", error_number);
  }
}

// The pages are pinned, which counts against the limit where CAP_IPC_LOCK is not held.
void raise_memory_limit() {
  const rlimit unlimited{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);  // without the right to, the limit stays
}

Result<void> register_memory(int socket, XdpQueueMemory& memory) {
  xdp_umem_reg registration{};
  registration.addr = reinterpret_cast<uintptr_t>(memory.frames.data());
  registration.len = memory.frames.size();
  registration.chunk_size = xdp_frame_bytes;
  if (setsockopt(socket, SOL_XDP, XDP_UMEM_REG, &registration, sizeof registration) != 0 ||
      !set_option(socket, XDP_UMEM_FILL_RING, xdp_frames) ||
      !set_option(socket, XDP_UMEM_COMPLETION_RING, xdp_transmit_entries) ||
      !set_option(socket, XDP_TX_RING, xdp_transmit_entries)) {
    return open_error(errno);
  }
  set_option(socket, option_transmit_budget, xdp_transmit_entries);  // older kernels: see `wake`
  return {};
}

Result<void> bind_lane(int socket, const sockaddr_xdp& address) {
  if (bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return {};
  return open_error(errno);
}

bool is_zero_copy(int socket) {
  xdp_options options{};
  socklen_t size = sizeof options;
  return getsockopt(socket, SOL_XDP, XDP_OPTIONS, &options, &size) == 0 &&
         (options.flags & XDP_OPTIONS_ZEROCOPY) != 0;
}

}  // namespace

Result<XdpSockets> open_xdp_sockets(unsigned interface, uint32_t queue, XdpCopy copy) {
  raise_memory_limit();
  XdpSockets sockets{.lanes = {},
                     .memory = TRY(SharedObject<XdpQueueMemory>::create("AF_XDP frames")),
                     .zero_copy = false};
  for (UniqueFd& lane : sockets.lanes) {
    lane = UniqueFd(socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
    if (!lane.valid() || !set_option(lane.get(), XDP_RX_RING, xdp_receive_entries)) {
      return open_error(errno);
    }
  }
  const int first = sockets.lanes[0].get();
  TRY(register_memory(first, *sockets.memory));
  const XdpRingMapping mapping = TRY(XdpRingMapping::map({first, sockets.lanes[1].get()}));
  const XdpAddressRing& fill = mapping.rings().fill;
  for (uint32_t i = 0; i < xdp_frames; ++i) fill.entry(i) = uint64_t{i} * xdp_frame_bytes;
  fill.publish_produced(xdp_frames);

  sockaddr_xdp address{};
  address.sxdp_family = AF_XDP;
  address.sxdp_ifindex = interface;
  address.sxdp_queue_id = queue;
  address.sxdp_flags = XDP_USE_NEED_WAKEUP;
  if (copy == XdpCopy::always) address.sxdp_flags |= XDP_COPY;
  TRY(bind_lane(first, address));
  // The second one shares everything but its receive ring.
  address.sxdp_flags = XDP_SHARED_UMEM;
  address.sxdp_shared_umem_fd = static_cast<uint32_t>(first);
  TRY(bind_lane(sockets.lanes[1].get(), address));
  sockets.zero_copy = is_zero_copy(first);
  return sockets;
}

Result<void> enable_busy_polling(const XdpSockets& sockets) {
  for (const UniqueFd& lane : sockets.lanes) {
    for (const auto& [option, value] :
         {std::pair{SO_PREFER_BUSY_POLL, 1}, std::pair{SO_BUSY_POLL, busy_poll_us},
          std::pair{SO_BUSY_POLL_BUDGET, busy_poll_packets}}) {
      if (setsockopt(lane.get(), SOL_SOCKET, option, &value, sizeof value) != 0) {
        return fail_system("this kernel does not busy-poll AF_XDP sockets", errno);
      }
    }
  }
  return {};
}

void UnmapBytes::operator()(uint8_t* at) const { munmap(at, bytes); }

template <typename Ring>
Result<void> XdpRingMapping::map_ring(int socket, off_t page, uint32_t entries, Ring& ring) {
  xdp_mmap_offsets offsets{};
  socklen_t size = sizeof offsets;
  if (getsockopt(socket, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &size) != 0) {
    return fail_system("ask for the rings of an AF_XDP socket", errno);
  }
  const xdp_ring_offset& at = page == XDP_PGOFF_RX_RING                              ? offsets.rx
                              : page == XDP_PGOFF_TX_RING                            ? offsets.tx
                              : page == static_cast<off_t>(XDP_UMEM_PGOFF_FILL_RING) ? offsets.fr
                                                                                     : offsets.cr;
  using Entry = std::remove_reference_t<decltype(ring.entry(0))>;
  const size_t bytes = at.desc + entries * sizeof(Entry);
  void* mapped =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, socket, page);
  if (mapped == MAP_FAILED) return fail_system("map the rings of an AF_XDP socket", errno);
  // A mapping holds its socket open: a child that never uses it must not keep the queue.
  (void)madvise(mapped, bytes, MADV_DONTFORK);
  auto* const base = static_cast<uint8_t*>(mapped);
  areas_[area_count_++] = Area(base, UnmapBytes{bytes});
  ring = Ring({.producer = reinterpret_cast<uint32_t*>(base + at.producer),
               .consumer = reinterpret_cast<uint32_t*>(base + at.consumer),
               .flags = reinterpret_cast<uint32_t*>(base + at.flags),
               .entries = reinterpret_cast<Entry*>(base + at.desc),
               .size = entries});
  return {};
}

Result<XdpRingMapping> XdpRingMapping::map(const std::array<int, xdp_lanes>& sockets) {
  XdpRingMapping mapping;
  XdpRings& rings = mapping.rings_;
  for (size_t lane = 0; lane < xdp_lanes; ++lane) {
    TRY(mapping.map_ring(sockets[lane], XDP_PGOFF_RX_RING, xdp_receive_entries,
                         rings.receive[lane]));
  }
  TRY(mapping.map_ring(sockets[0], XDP_PGOFF_TX_RING, xdp_transmit_entries, rings.transmit));
  TRY(mapping.map_ring(sockets[0], XDP_UMEM_PGOFF_FILL_RING, xdp_frames, rings.fill));
  TRY(mapping.map_ring(sockets[0], XDP_UMEM_PGOFF_COMPLETION_RING, xdp_transmit_entries,
                       rings.completion));
  return mapping;
}

XdpStatistics read_xdp_statistics(const std::array<int, xdp_lanes>& sockets) {
  XdpStatistics sum;
  for (const int socket : sockets) {
    xdp_statistics counted{};
    socklen_t size = sizeof counted;
    if (getsockopt(socket, SOL_XDP, XDP_STATISTICS, &counted, &size) != 0) continue;
    sum.dropped += counted.rx_dropped;
    sum.receive_full += counted.rx_ring_full;
    sum.fill_empty += counted.rx_fill_ring_empty_descs;
    sum.receive_invalid += counted.rx_invalid_descs;
    sum.transmit_invalid += counted.tx_invalid_descs;
  }
  return sum;
}

}  // namespace holdfast::transport
