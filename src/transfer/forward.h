// SPDX-License-Identifier: GPL-3.0-or-later
// Passes a request on to a server over TCP or TLS, byte by byte, and gives back what that answers:
// updates for secondary zones (RFC 2136 §6).
//
// One connection a request; the servers are asked one after another until one has answered. One
// that is to be asked within TLS has to prove who it is first. Bounds: forwards_max at a time,
// forward_ms for each server. Thread: the io_context's.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "config/peer.h"
#include "transfer/tls.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::transfer {

class Forwarder {
 public:
  static constexpr size_t forwards_max = 64;
  static constexpr unsigned forward_ms = 5'000;

  explicit Forwarder(boost::asio::io_context& context);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  // `done` gets the answer, or nothing if none came.
  using Done = std::function<void(std::vector<uint8_t> response)>;
  void forward(std::vector<uint8_t> message, const std::vector<config::Remote>& to,
               std::shared_ptr<const TlsCredentials> tls, Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::transfer
