// SPDX-License-Identifier: GPL-3.0-or-later
// Tells other servers of changed zones (NOTIFY, RFC 1996) until each has acknowledged it, or has
// not answered attempts_max times.
//
// A zone that changes again before a server has answered is told of once more, with the newer
// serial, not twice. Bounds: waiting_max notices, sends_a_tick. Thread: the io_context's.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "config/peer.h"
#include "transfer/tsig.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::transfer {

struct NotifyCounters {
  std::atomic<uint64_t> sent{0};
  std::atomic<uint64_t> acknowledged{0};
  std::atomic<uint64_t> refused{0};
  std::atomic<uint64_t> unanswered{0};
};

class Notifier {
 public:
  static constexpr unsigned attempts_max = 6;  // after 1, 2, 4, 8 and 16 seconds
  static constexpr size_t waiting_max = 100'000;
  static constexpr size_t sends_a_tick = 200;  // of tick_ms
  static constexpr size_t looks_a_tick = 2000;
  static constexpr unsigned tick_ms = 50;

  Notifier(boost::asio::io_context& context, const Clock& clock, NotifyCounters& counters);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // What the parent is told of a child, by a NOTIFY of that type (RFC 9859); `done` is told once
  // whether it was acknowledged, unless the same is sent anew before.
  using Done = std::function<void(bool acknowledged)>;
  void notify_parent(wire::NameView child, uint16_t type, const Endpoint& to, Done done);

  // `soa` is the RDATA of the new version's SOA. A null key: unsigned.
  void notify(wire::NameView apex, Bytes soa, const config::Remote& to,
              std::shared_ptr<const TsigKey> key);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::transfer
