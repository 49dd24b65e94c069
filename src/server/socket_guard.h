// SPDX-License-Identifier: GPL-3.0-or-later
// Puts the shield's filters on a worker's own sockets while they are needed, and tells it what came
// of them.
//
// Where no card sheds, the sockets are where the shield meets the flood first: datagrams of
// strangers, and beginnings of TCP connections, are let through in the shares that it orders
// (shield/socket_filter.h). Datagrams each worker filters at its own sockets; beginnings the first
// one for all, as they come to one place for each address (transport/syn_sink.h). In quiet times
// nothing is on any socket; what a predecessor has left on them is taken away first, by which it is
// also found out whether the kernel takes anything of that kind from this process. To make a filter
// keeps the core for a millisecond, so it is made anew each second, with who is known by then, and
// five times a second if its orders change; for those sockets alone to which enough comes for it to
// save more time than that; in its small form once the kernel has not taken the full one, and none
// once it has said that this process may not (each refusal is counted and told). Also reads what
// the kernel counts of beginnings that found no room: nobody else tells the first worker of a SYN
// flood. Thread: the worker's. Makes system
// calls, none of them for a question; never allocates once it is made.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "exchange/counters.h"
#include "server/worker.h"
#include "shield/socket_filter.h"
#include "shield/tcp_counters.h"
#include "shield/worker_shield.h"

namespace holdfast::server {

class SocketGuard {
 public:
  static constexpr uint64_t renew_ns = 200'000'000;
  static constexpr uint64_t stale_ns = 1'000'000'000;
  // To a socket that so many come to a second, by the filter too, one is worth its making; and as
  // long as it is a quarter of that.
  static constexpr uint64_t worth_per_s = 1'000;

  // All outlive this.
  SocketGuard(std::span<const Listener> listeners, const transport::ListenerChoice& choice,
              shield::WorkerShield& shield, exchange::Counters& counters);
  ~SocketGuard();
  SocketGuard(const SocketGuard&) = delete;
  SocketGuard& operator=(const SocketGuard&) = delete;

  // Once a turn, after the shield's.
  void tend(uint64_t now_ns);

  // Beginnings of connections are as in quiet times from now on: this worker ends, and others may,
  // too, which changes the numbers of the listening sockets.
  void end_diversions();

  // Datagrams that were received at this listener.
  void note_received(size_t listener, size_t datagrams) { sockets_[listener].came += datagrams; }
  // Whether the kernel's drops at this listener's datagrams are the filter's.
  [[nodiscard]] bool is_filtered(size_t listener) const {
    return sockets_[listener].datagrams.is_attached;
  }
  // Of these, how many at all of them since the last call.
  [[nodiscard]] uint64_t take_filtered();

 private:
  static constexpr size_t filter_kinds = 2;
  struct Filter {
    int socket = -1;
    bool is_attached = false;
    uint32_t drops = 0;  // as the kernel tells them, when it was looked last
  };
  struct Pair {
    bool is_ipv6 = false;
    Filter datagrams;
    Filter beginnings;  // the sink
    int listener = -1;  // which stands for all of its address
    uint64_t came = 0;  // datagrams since it was looked last, those that were filtered included
    bool is_worth_it = false;
  };

  using Shares = shield::FilterShares;

  void follow(shield::FilterKind kind, Shares wanted, Shares& in_force);
  [[nodiscard]] bool has_any(shield::FilterKind kind);
  // These and `take_away`: 0, or the errno for which the kernel takes none.
  [[nodiscard]] int put(Pair& pair, shield::FilterKind kind, Shares shares);
  [[nodiscard]] int attach(const Pair& pair, shield::FilterKind kind, Shares shares);
  int take_away(const Pair& pair, shield::FilterKind kind);
  void note_refused(shield::FilterKind kind, int error);
  [[nodiscard]] uint64_t count(shield::FilterKind kind);
  [[nodiscard]] bool is_forbidden(shield::FilterKind kind) const {
    return are_forbidden_[static_cast<size_t>(kind)];
  }
  void count_datagrams();
  // True if there is a filter to be put on a socket, or taken from one, for that.
  [[nodiscard]] bool weigh_sockets(uint64_t now_ns);
  void count_beginnings(uint64_t span_ns);
  [[nodiscard]] static Filter& of(Pair& pair, shield::FilterKind kind) {
    return kind == shield::FilterKind::datagrams ? pair.datagrams : pair.beginnings;
  }

  const transport::ListenerChoice& choice_;
  // By lot, if there are so many processors that choosing among them is too long.
  std::vector<sock_filter> choice_under_flood_;
  shield::WorkerShield& shield_;
  exchange::Counters& counters_;
  std::vector<Pair> sockets_;
  uint64_t looked_ns_ = 0;
  uint64_t renewed_ns_ = 0;
  uint64_t counted_ns_ = 0;
  uint64_t weighed_ns_ = 0;
  Shares datagrams_;  // in force
  Shares beginnings_;
  // By kind, until the kernel does not take it; and whether it takes none from this process.
  std::array<shield::FilterForm, filter_kinds> forms_{};
  std::array<bool, filter_kinds> are_forbidden_{};
  bool is_ending_ = false;
  uint64_t filtered_untold_ = 0;
  uint64_t beyond_room_ = 0;  // as the kernel counted it last
  bool has_counted_ = false;
  shield::TcpCounterReader tcp_;
  shield::SocketFilter filter_;
};

}  // namespace holdfast::server
