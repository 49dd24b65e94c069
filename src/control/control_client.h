// SPDX-License-Identifier: GPL-3.0-or-later
// Asks the running control process over its socket; what the command line uses.
//
// A request is one JSON line, {"command": "status", ...}; the reply is one JSON line with "ok" true
// or false. With "ok" false, "error" is a sentence and "findings" may list texts "file:line: …".
// With "stream" true, text lines follow, up to an empty line that says that all was sent.
// docs/control-socket.md lists the commands. Blocking; one thread. Bounds: reply_bytes_max a line.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace holdfast::control {

// `<state_directory>/control.sock`.
[[nodiscard]] std::string control_socket_path(const std::string& state_directory);

class ControlClient {
 public:
  // Larger than any reply; the daemon streams what could grow with the zones.
  static constexpr size_t reply_bytes_max = size_t{16} << 20;
  // How long the daemon may stay silent; a reload of very many zones takes its time.
  static constexpr uint32_t reply_timeout_ms_default = 600'000;

  // The error says whether no server runs here, or the rights are missing.
  [[nodiscard]] static Result<ControlClient> connect(
      const std::string& socket_path, uint32_t reply_timeout_ms = reply_timeout_ms_default);

  // Sends one request (no newline in it) and gives the reply's line without its newline.
  [[nodiscard]] Result<std::string> request(std::string_view request_line);

  // After a reply with "stream" true: each line that follows. Fails if the stream was cut short.
  [[nodiscard]] Result<void> read_stream(const std::function<void(std::string_view)>& visit);

 private:
  ControlClient(UniqueFd socket, std::string path)
      : socket_(std::move(socket)), path_(std::move(path)) {}
  // The next line; valid until the next call.
  [[nodiscard]] Result<std::string_view> read_line();

  UniqueFd socket_;
  std::string path_;
  std::string buffer_;
  size_t consumed_ = 0;
};

}  // namespace holdfast::control
