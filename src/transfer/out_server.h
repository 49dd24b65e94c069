// SPDX-License-Identifier: GPL-3.0-or-later
// The sockets side of what control answers: datagrams and connections that answer processes pass on
// (exchange/handover.h), and connections within TLS, which come to control itself
// (docs/decisions/0008-tls-in-control.md).
//
// A datagram is answered by the socket that it came through, from the address that was asked. A
// connection is served until its client closes it or is slow: messages of several transfers take
// turns, one message each. Bounds: connections_max, connections_per_address_max; a handshake that
// takes handshake_ms, a request that has not come to its end within request_ms of its beginning, a
// message that is not taken within write_ms, a transfer that takes transfer_s_max, or a connection
// that is silent for idle_ms, ends it, and is counted. What clients within TLS cost has a budget
// (tls_budget.h), and is laid to them after each step: what is beyond it is closed before its
// handshake, or held for handshake_ms where there is only no room for another, and no more is read
// or answered until there is time. Thread: the io_context's.
#pragma once

#include <functional>
#include <memory>

#include "transfer/answerer.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::transfer {

class OutServer {
 public:
  static constexpr size_t connections_max = 256;
  static constexpr size_t connections_per_address_max = 32;
  static constexpr unsigned idle_ms = 10'000;
  static constexpr unsigned request_ms = 30'000;
  static constexpr unsigned write_ms = 30'000;
  static constexpr unsigned handshake_ms = 5'000;
  static constexpr unsigned transfer_s_max = 6 * 3600;

  // The descriptors stay the caller's. All outlive this.
  struct Parts {
    boost::asio::io_context& context;
    int handover = -1;  // control's end, or -1
    std::vector<int> tls_listeners;
    const SettingsBoard& settings;
    Answerer& answerer;
    OutCounters& counters;
    const Clock& clock;
    std::function<uint64_t()> processor_ns{};  // of this thread
    // Then what is beyond the budget of clients within TLS is counted, and let be.
    std::function<bool()> is_tls_dry_run{};
  };
  explicit OutServer(Parts parts);
  ~OutServer();
  OutServer(const OutServer&) = delete;
  OutServer& operator=(const OutServer&) = delete;

  // Brings up to date what is told of clients within TLS. About once a second.
  void tidy();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::transfer
