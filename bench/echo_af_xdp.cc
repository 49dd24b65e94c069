// SPDX-License-Identifier: GPL-3.0-or-later
#include <bpf/bpf.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "drill/interface_settings.h"
#include "echo.h"
#include "floor_program.h"
#include "frame_echo.h"
#include "lab_commands.h"

namespace holdfast::bench {
namespace {

constexpr uint32_t ring_frames = 2048;
constexpr uint32_t frame_count = ring_frames;
constexpr uint32_t frame_bytes = 2048;
constexpr uint32_t batch = 64;
constexpr int stop_check_ms = 200;
constexpr int busy_poll_us = 20;
constexpr int prefer_busy_poll = 69;  // SO_PREFER_BUSY_POLL
constexpr int busy_poll_budget = 70;  // SO_BUSY_POLL_BUDGET
constexpr int max_tx_skb_budget = 9;  // XDP_MAX_TX_SKB_BUDGET, of newer kernels than the headers

struct Unmap {
  void operator()(uint8_t* area) const { munmap(area, size_t{frame_count} * frame_bytes); }
};
struct DeleteUmem {
  void operator()(xsk_umem* umem) const { xsk_umem__delete(umem); }
};
struct DeleteSocket {
  void operator()(xsk_socket* socket) const { xsk_socket__delete(socket); }
};

// Rings lie at fixed places as the library keeps pointers to them.
struct Rings {
  xsk_ring_prod fill{};
  xsk_ring_cons completion{};
  xsk_ring_cons receive{};
  xsk_ring_prod transmit{};
};

class AfXdpEcho {
 public:
  static Result<AfXdpEcho> open(const std::string& interface_name, WakeUp wake_up);
  [[nodiscard]] int fd() const { return xsk_socket__fd(socket_.get()); }
  Result<EchoCounts> run(size_t answer_bytes);

 private:
  AfXdpEcho() = default;
  Result<void> use_busy_poll(const std::string& interface_name);
  void give_to_kernel(uint32_t frames);
  void take_back();
  void wake_transmit();
  void wait();
  void answer(uint32_t received, size_t answer_bytes, EchoCounts& counts);

  WakeUp wake_up_ = WakeUp::when_needed;
  std::unique_ptr<uint8_t, Unmap> area_;
  std::unique_ptr<Rings> rings_;
  std::unique_ptr<xsk_umem, DeleteUmem> umem_;
  std::unique_ptr<xsk_socket, DeleteSocket> socket_;
  uint32_t in_transmit_ = 0;  // given to the kernel to send and not seen again yet
};

Result<AfXdpEcho> AfXdpEcho::open(const std::string& interface_name, WakeUp wake_up) {
  AfXdpEcho echo;
  echo.wake_up_ = wake_up;
  const size_t area_bytes = size_t{frame_count} * frame_bytes;
  void* area = mmap(nullptr, area_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (area == MAP_FAILED) return fail_system("mmap", errno);
  echo.area_.reset(static_cast<uint8_t*>(area));
  echo.rings_ = std::make_unique<Rings>();

  const xsk_umem_config umem_config{ring_frames, ring_frames, frame_bytes, 0, 0};
  xsk_umem* umem = nullptr;
  int error = xsk_umem__create(&umem, area, area_bytes, &echo.rings_->fill,
                               &echo.rings_->completion, &umem_config);
  if (error != 0) return fail_system("cannot register memory for AF_XDP", -error);
  echo.umem_.reset(umem);

  xsk_socket_config config{};
  config.rx_size = ring_frames;
  config.tx_size = ring_frames;
  config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
  config.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP;
  xsk_socket* socket = nullptr;
  error = xsk_socket__create(&socket, interface_name.c_str(), 0, umem, &echo.rings_->receive,
                             &echo.rings_->transmit, &config);
  if (error != 0) return fail_system("cannot open an AF_XDP socket", -error);
  echo.socket_.reset(socket);
  // An older kernel sends 32 a call, which is what it does without this.
  const int budget = ring_frames;
  setsockopt(echo.fd(), SOL_XDP, max_tx_skb_budget, &budget, sizeof budget);
  if (wake_up == WakeUp::busy_poll) TRY(echo.use_busy_poll(interface_name));
  return echo;
}

Result<void> AfXdpEcho::use_busy_poll(const std::string& interface_name) {
  TRY(drill::set_busy_polling_on(interface_name));
  const int on = 1;
  const int budget = batch;
  if (setsockopt(fd(), SOL_SOCKET, prefer_busy_poll, &on, sizeof on) != 0 ||
      setsockopt(fd(), SOL_SOCKET, SO_BUSY_POLL, &busy_poll_us, sizeof busy_poll_us) != 0 ||
      setsockopt(fd(), SOL_SOCKET, busy_poll_budget, &budget, sizeof budget) != 0) {
    return fail_system("cannot busy poll", errno);
  }
  return {};
}

// At the start the first frames, later those that come back: each is in one place at a time.
void AfXdpEcho::give_to_kernel(uint32_t frames) {
  uint32_t at = 0;
  const uint32_t reserved = xsk_ring_prod__reserve(&rings_->fill, frames, &at);
  for (uint32_t index = 0; index < reserved; ++index) {
    *xsk_ring_prod__fill_addr(&rings_->fill, at + index) = uint64_t{index} * frame_bytes;
  }
  xsk_ring_prod__submit(&rings_->fill, reserved);
}

void AfXdpEcho::take_back() {
  uint32_t from = 0;
  uint32_t to = 0;
  const uint32_t completed = xsk_ring_cons__peek(&rings_->completion, ring_frames, &from);
  if (completed == 0) return;
  const uint32_t reserved = xsk_ring_prod__reserve(&rings_->fill, completed, &to);
  for (uint32_t index = 0; index < reserved; ++index) {
    const uint64_t address = *xsk_ring_cons__comp_addr(&rings_->completion, from + index);
    *xsk_ring_prod__fill_addr(&rings_->fill, to + index) = address - address % frame_bytes;
  }
  xsk_ring_prod__submit(&rings_->fill, reserved);
  xsk_ring_cons__release(&rings_->completion, completed);
  in_transmit_ -= completed;
}

void AfXdpEcho::wake_transmit() {
  if (!xsk_ring_prod__needs_wakeup(&rings_->transmit)) return;
  while (sendto(fd(), nullptr, 0, MSG_DONTWAIT, nullptr, 0) < 0 && errno == EAGAIN) take_back();
}

void AfXdpEcho::wait() {
  if (wake_up_ == WakeUp::busy_poll) {
    recvfrom(fd(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
    return;
  }
  pollfd entry{fd(), POLLIN, 0};
  poll(&entry, 1, stop_check_ms);
}

void AfXdpEcho::answer(uint32_t received, size_t answer_bytes, EchoCounts& counts) {
  uint32_t from = 0;
  uint32_t to = 0;
  const uint32_t count = xsk_ring_cons__peek(&rings_->receive, received, &from);
  if (count == 0) return;
  // There is room: no more frames are about than the ring holds.
  const uint32_t reserved = xsk_ring_prod__reserve(&rings_->transmit, count, &to);
  for (uint32_t index = 0; index < reserved; ++index) {
    const xdp_desc* question = xsk_ring_cons__rx_desc(&rings_->receive, from + index);
    xdp_desc* answer = xsk_ring_prod__tx_desc(&rings_->transmit, to + index);
    const size_t room = frame_bytes - question->addr % frame_bytes;
    answer->addr = question->addr;
    answer->options = 0;
    answer->len = static_cast<uint32_t>(turn_frame_around(
        MutableBytes(area_.get() + question->addr, room), question->len, answer_bytes));
    // What cannot be answered goes back as it came, so that no frame is lost.
    if (answer->len == 0) answer->len = question->len;
  }
  xsk_ring_prod__submit(&rings_->transmit, reserved);
  xsk_ring_cons__release(&rings_->receive, count);
  counts.received += count;
  counts.sent += reserved;
  in_transmit_ += reserved;
  ++counts.batches;
}

Result<EchoCounts> AfXdpEcho::run(size_t answer_bytes) {
  EchoCounts counts;
  give_to_kernel(ring_frames);
  while (!stop) {
    const uint64_t before = counts.received;
    answer(batch, answer_bytes, counts);
    // A call may stop early, at the kernel's budget or a full receiver: asked again until all went.
    if (in_transmit_ != 0) wake_transmit();
    take_back();
    if (counts.received == before || wake_up_ == WakeUp::busy_poll) wait();
  }
  return counts;
}

}  // namespace

Result<EchoCounts> echo_over_af_xdp(const std::string& interface_name, uint16_t port,
                                    size_t answer_bytes, WakeUp wake_up) {
  const auto program = TRY(FloorProgram::attach(interface_name, port, "floor_redirect"));
  auto echo = TRY(AfXdpEcho::open(interface_name, wake_up));
  const uint32_t slot = 0;
  const int fd = echo.fd();
  if (bpf_map_update_elem(TRY(program.sockets_fd()), &slot, &fd, BPF_ANY) != 0) {
    return fail_system("cannot put the socket into the program's map", errno);
  }
  return echo.run(answer_bytes);
}

}  // namespace holdfast::bench
