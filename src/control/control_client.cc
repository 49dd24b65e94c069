// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/control_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace holdfast::control {

namespace {

std::unexpected<Error> connect_failure(const std::string& path, int error_number) {
  if (error_number == ENOENT || error_number == ECONNREFUSED) {
    return fail(path + ": no holdfast server is running with this state directory");
  }
  if (error_number == EACCES || error_number == EPERM) {
    return fail(path + ": permission denied: run this as root or as the server's user or group");
  }
  return fail_system(path, error_number);
}

}  // namespace

std::string control_socket_path(const std::string& state_directory) {
  return state_directory + "/control.sock";
}

Result<ControlClient> ControlClient::connect(const std::string& socket_path,
                                             uint32_t reply_timeout_ms) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) {
    return fail(socket_path + ": longer than the " + std::to_string(sizeof address.sun_path - 1) +
                " bytes that a socket's path may have");
  }
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return fail_system(socket_path, errno);
  const timeval timeout{.tv_sec = static_cast<time_t>(reply_timeout_ms / 1000),
                        .tv_usec = static_cast<suseconds_t>(reply_timeout_ms % 1000 * 1000)};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    if (::setsockopt(socket.get(), SOL_SOCKET, option, &timeout, sizeof timeout) != 0) {
      return fail_system(socket_path, errno);
    }
  }
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.get(), generic, sizeof address) != 0) {
    return connect_failure(socket_path, errno);
  }
  return ControlClient(std::move(socket), socket_path);
}

Result<std::string> ControlClient::request(std::string_view request_line) {
  std::string message(request_line);
  message += '\n';
  std::string_view left = message;
  while (!left.empty()) {
    const ssize_t sent = ::send(socket_.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    // The daemon closes early when it has too many clients; its reply says so and is read below.
    if (sent < 0 && errno == EPIPE) break;
    if (sent < 0) return fail_system(path_, errno);
    left.remove_prefix(static_cast<size_t>(sent));
  }
  return std::string(TRY(read_line()));
}

Result<void> ControlClient::read_stream(const std::function<void(std::string_view)>& visit) {
  for (;;) {
    const std::string_view line = TRY(read_line());
    if (line.empty()) return {};
    visit(line);
  }
}

Result<std::string_view> ControlClient::read_line() {
  constexpr size_t chunk_bytes = size_t{64} << 10;
  size_t searched = consumed_;
  for (;;) {
    const size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      const std::string_view line = std::string_view(buffer_).substr(consumed_, end - consumed_);
      consumed_ = end + 1;
      return line;
    }
    buffer_.erase(0, consumed_);
    consumed_ = 0;
    searched = buffer_.size();
    if (searched >= reply_bytes_max) {
      return fail(path_ + ": a reply line of more than " + std::to_string(reply_bytes_max) +
                  " bytes");
    }
    buffer_.resize(searched + chunk_bytes);
    ssize_t got = -1;
    do {
      got = ::recv(socket_.get(), buffer_.data() + searched, chunk_bytes, 0);
    } while (got < 0 && errno == EINTR);
    const int error_number = errno;
    buffer_.resize(searched + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got == 0) return fail(path_ + ": the server closed the connection before its reply ended");
    if (got < 0 && (error_number == EAGAIN || error_number == EWOULDBLOCK)) {
      return fail(path_ + ": no reply within the time allowed");
    }
    if (got < 0) return fail_system(path_, error_number);
  }
}

}  // namespace holdfast::control
