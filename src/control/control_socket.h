// SPDX-License-Identifier: GPL-3.0-or-later
// The server side of the control socket: lines in, lines and streams out (docs/control-socket.md).
//
// What a line means is the handler's matter. Bounds: control_clients_max clients,
// request_bytes_max a request, and times below; a client that never reads or writes costs its slot
// until they pass. Thread: the io_context's; a reply may be given from any.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::control {

constexpr size_t control_clients_max = 32;
constexpr size_t request_bytes_max = 4096;
constexpr unsigned request_timeout_s = 30;
constexpr unsigned write_timeout_s = 10;    // for one chunk to be taken
constexpr unsigned stream_timeout_s = 300;  // for a whole stream: it may pin zone memory

struct ControlReply {
  std::string line;  // JSON, without a newline
  // If set, gives further whole lines, with newlines, until it gives an empty text. Called on the
  // io_context's thread, and destroyed as soon as the client is gone.
  std::function<std::string()> next_chunk;
};

class ControlSocket {
 public:
  using Done = std::function<void(ControlReply)>;
  using Handler = std::function<void(std::string_view request, Done done)>;

  // Listens at `path` with mode 0660, replacing a socket that an earlier process left.
  [[nodiscard]] static Result<UniqueFd> bind(const std::string& path);
  ControlSocket(boost::asio::io_context& context, UniqueFd listener, Handler handler);
  ~ControlSocket();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::control
