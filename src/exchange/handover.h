// SPDX-License-Identifier: GPL-3.0-or-later
// Requests that an answer process passes on to control, because answering them takes time, files or
// keys: transfers, NOTIFY, UPDATE, and all that is signed with TSIG.
//
// One pair of sockets for all answer processes. A request goes with the descriptor that its answer
// leaves by: the connection, which control then owns, or the UDP socket it was asked through, so
// that control needs neither privileges nor a list of sockets. Neither side ever waits: with
// control gone or slow the pair fills up, and the sender is told. The supervisor keeps both ends,
// so what waits for a dead control finds its successor. Bound: the socket's buffer
// (handover_queue_bytes). Thread: the owner's of each end.
#pragma once

#include <netinet/in.h>

#include <optional>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "base/file.h"
#include "exchange/client.h"

namespace holdfast::exchange {

// Some hundred requests, or two of the largest. What does not fit is refused by the sender.
constexpr int handover_queue_bytes = 256 << 10;

struct HandoverHeader {
  Protocol protocol = Protocol::udp;
  sockaddr_in6 client{};  // or a sockaddr_in at its start
  Endpoint server;        // that was asked
};

// The answer processes' end.
class HandoverSender {
 public:
  explicit HandoverSender(int socket) : socket_(socket) {}
  // `bytes` is the datagram, or what was read of the connection from the request's length on.
  // `descriptor` stays the caller's to close. False if the request could not be passed on.
  [[nodiscard]] bool send(const HandoverHeader& header, Bytes bytes, int descriptor) const;

 private:
  int socket_;
};

struct Handover {
  HandoverHeader header;
  std::vector<uint8_t> bytes;
  UniqueFd descriptor;
};

// Control's end.
class HandoverReceiver {
 public:
  HandoverReceiver();
  // Nothing if none is waiting. A message without what belongs to it is passed over.
  [[nodiscard]] Result<std::optional<Handover>> receive(int socket);

 private:
  std::vector<uint8_t> buffer_;
};

struct HandoverPair {
  UniqueFd answer;
  UniqueFd control;
  [[nodiscard]] static Result<HandoverPair> make();
};

}  // namespace holdfast::exchange
