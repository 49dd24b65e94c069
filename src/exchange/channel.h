// SPDX-License-Identifier: GPL-3.0-or-later
// What the supervisor and control say to each other over a pair of sockets.
//
// Messages are small texts, one a datagram, bounded by channel_message_bytes_max. Neither side ever
// waits for the other: a full socket is an error to report, a closed one means that the peer has
// ended. The supervisor keeps both ends, so that a new control process goes on with the old pair.
//
// Changing listen addresses or the number of workers at a reload, in two steps:
//   control: prepare (workers, listen, connections_max)
//                                        supervisor: prepared, or failed with a sentence
//   control: commit, or abort            supervisor, after commit: committed
// Between prepared and commit nothing that runs has changed. Preparing what is current succeeds at
// once. A control that dies in between counts as abort.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "base/file.h"

namespace holdfast::exchange {

enum class MessageKind : uint8_t {
  // supervisor to control
  reload,     // SIGHUP: read the configuration again
  prepared,   // the sockets are open
  failed,     // they could not be; `text` says why
  committed,  // all workers have them
  // control to supervisor
  ready,      // the first load is through: the service is up; `text` is the status line
  status,     // `text` is the status line for the service manager
  reloading,  // a reload has begun (ended by ready)
  prepare,    // `workers` (0: one a core), `listen`, and `connections_max` of each worker
  commit,
  abort,
};

struct Message {
  MessageKind kind = MessageKind::status;
  std::string text;  // one line
  uint32_t workers = 0;
  std::vector<Endpoint> listen;
  uint32_t connections_max = 0;
};

constexpr size_t channel_message_bytes_max = 8192;  // 64 endpoints and a sentence

[[nodiscard]] std::string encode_message(const Message& message);
[[nodiscard]] Result<Message> decode_message(std::string_view text);

// One end. Does not block.
class Channel {
 public:
  explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}
  struct Pair;
  [[nodiscard]] static Result<Pair> make_pair();

  [[nodiscard]] int fd() const { return socket_.get(); }  // to poll for reading
  [[nodiscard]] Result<void> send(const Message& message);
  // Nothing if none is waiting.
  [[nodiscard]] Result<std::optional<Message>> receive();

 private:
  UniqueFd socket_;
};

struct Channel::Pair {
  Channel supervisor;
  Channel control;
};

}  // namespace holdfast::exchange
