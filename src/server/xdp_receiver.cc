// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/xdp_receiver.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace holdfast::server {

namespace {

// Two full receive rings.
constexpr size_t drain_batches_max =
    size_t{2} * transport::xdp_receive_entries / transport::XdpBatch::size_max;
constexpr uint32_t brimful_permille = 850;

}  // namespace

XdpReceiver::XdpReceiver(std::span<const XdpPort> ports, int epoll, exchange::ReceiveArea& area)
    : epoll_(epoll), unclaimed_(ports.size()) {
  for (const XdpPort& port : ports)
    ports_.push_back({.given = port, .mapping = {}, .queue = {}, .standing = {}});
  if (ports.empty()) return;
  batch_.emplace(transport::XdpBatch::ReceiveMemory{
      .bytes = MutableBytes(area.datagrams.front().data(), sizeof area.datagrams),
      .peers = area.datagram_peers});
}

void XdpReceiver::claim() {
  if (unclaimed_ == 0) return;
  for (size_t i = 0; i < ports_.size(); ++i) {
    if (!ports_[i].queue && !ports_[i].failed && try_claim(i)) --unclaimed_;
  }
}

// True if there is nothing more to do for it.
bool XdpReceiver::try_claim(size_t index) {
  Port& port = ports_[index];
  if (!port.mapping) {
    auto mapped = transport::XdpRingMapping::map(port.given.sockets);
    if (!mapped) {
      port.failed = true;  // the supervisor closes a queue that nobody takes from
      return true;
    }
    port.mapping.emplace(*std::move(mapped));
  }
  transport::XdpQueue queue(*port.given.memory, port.mapping->rings());
  if (!queue.claim(getpid())) return false;
  queue.take_over();
  port.queue.emplace(queue);
  port.lost = transport::read_xdp_statistics(port.given.sockets).receive_full;
  for (const int socket : port.given.sockets) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = token_bit | index;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
  }
  return true;
}

void XdpReceiver::attach(Port& port) {
  batch_->attach(*port.queue, {.socket = port.given.sockets[0],
                               .trust = port.given.trust,
                               .busy_poll = port.given.busy_poll});
}

std::optional<transport::Backlog> XdpReceiver::on_event(uint64_t token, uint32_t events,
                                                        QueryPath& path, int batches_max) {
  Port& port = ports_[token & ~token_bit];
  if (!port.queue) return std::nullopt;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    give_up(port);
    return std::nullopt;
  }
  attach(port);
  port.busy = true;
  for (int i = 0; i < batches_max; ++i) {
    if (path.answer_datagrams(*batch_) < transport::XdpBatch::size_max) {
      note_waiting(port, 0);
      return std::nullopt;
    }
  }
  const transport::Backlog backlog = batch_->backlog();
  note_waiting(port, backlog.permille);
  return backlog;
}

void XdpReceiver::note_waiting(Port& port, uint32_t permille) {
  port.standing = std::min(port.standing.value_or(permille), permille);
  is_brimful_ = is_brimful_ || permille >= brimful_permille;
}

// Where a queue was emptied nobody asks the kernel; what it lost in a stall is told the next time.
transport::Backlog XdpReceiver::take_standing() {
  transport::Backlog worst;
  for (Port& port : ports_) {
    const uint32_t standing = std::exchange(port.standing, std::nullopt).value_or(0);
    if (!port.queue || (standing == 0 && !is_brimful_)) continue;
    worst.permille = std::max(worst.permille, standing);
    const uint64_t lost = transport::read_xdp_statistics(port.given.sockets).receive_full;
    worst.drops += static_cast<uint32_t>(lost - port.lost);
    port.lost = lost;
  }
  is_brimful_ = false;
  return worst;
}

// The interface has gone.
void XdpReceiver::give_up(Port& port) {
  for (const int socket : port.given.sockets) epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr);
  port.queue.reset();
  port.failed = true;
}

void XdpReceiver::tend() {
  for (Port& port : ports_) {
    if (!port.queue || std::exchange(port.busy, false)) continue;
    attach(port);
    batch_->tend();
  }
}

void XdpReceiver::drain(QueryPath& path) {
  for (Port& port : ports_) {
    if (!port.queue) continue;
    attach(port);
    for (size_t i = 0; i < drain_batches_max; ++i) {
      if (path.answer_datagrams(*batch_) == 0) break;
    }
    port.queue->release(getpid());
    port.queue.reset();
  }
}

}  // namespace holdfast::server
