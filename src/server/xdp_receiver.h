// SPDX-License-Identifier: GPL-3.0-or-later
// The queues of network cards that a worker answers, beside its sockets.
//
// A queue belongs to one worker at a time. It is claimed when nobody has it, which may be some
// milliseconds after the start, while a predecessor still ends; the rings are then taken over as
// they stand. Allocates at construction and when a queue is claimed. Thread: the worker's.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "exchange/panel.h"
#include "server/query_path.h"
#include "transport/xdp_batch.h"
#include "transport/xdp_socket.h"

namespace holdfast::server {

// One queue; the supervisor owns its sockets and memory.
struct XdpPort {
  std::array<int, transport::xdp_lanes> sockets{-1, -1};
  transport::XdpQueueMemory* memory = nullptr;
  transport::ChecksumTrust trust = transport::ChecksumTrust::full_only;
  bool busy_poll = false;
};

class XdpReceiver {
 public:
  // Tokens in the epoll descriptor that have this bit are its own.
  static constexpr uint64_t token_bit = uint64_t{1} << 61;

  XdpReceiver(std::span<const XdpPort> ports, int epoll, exchange::ReceiveArea& area);

  // Claims what is free. Cheap when all is claimed: call each turn.
  void claim();
  [[nodiscard]] bool has_unclaimed() const { return unclaimed_ > 0; }
  // Answers what waits at a queue, at most `batches_max` batches. What still waits if the last one
  // came full.
  std::optional<transport::Backlog> on_event(uint64_t token, uint32_t events, QueryPath& path,
                                             int batches_max);
  // Call each turn: see XdpBatch::tend.
  void tend();
  // Since the last call: of the queue that is worst off, what waited at its emptiest, and what all
  // of them lost for want of room. A queue that has been emptied once has kept up: what a stall of
  // the processor leaves behind for some milliseconds is no overload.
  transport::Backlog take_standing();
  // True if something may be lost at this moment: then `take_standing` should not wait for a tick.
  [[nodiscard]] bool is_brimful() const { return is_brimful_; }
  // Answers what the rings hold, a bounded number, and leaves them to a successor.
  void drain(QueryPath& path);

 private:
  struct Port {
    XdpPort given;
    std::optional<transport::XdpRingMapping> mapping;
    std::optional<transport::XdpQueue> queue;  // once claimed
    bool failed = false;                       // its rings cannot be mapped, or it is gone
    bool busy = false;                         // has had a batch since the last `tend`
    std::optional<uint32_t> standing;          // permille, the least since the last time
    uint64_t lost = 0;                         // for want of room, as the kernel counts
  };

  bool try_claim(size_t index);
  void attach(Port& port);
  void give_up(Port& port);
  void note_waiting(Port& port, uint32_t permille);

  int epoll_;
  std::deque<Port> ports_;
  std::optional<transport::XdpBatch> batch_;
  size_t unclaimed_ = 0;
  bool is_brimful_ = false;
};

}  // namespace holdfast::server
