// SPDX-License-Identifier: GPL-3.0-or-later
#include "exchange/channel.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>

namespace holdfast::exchange {

namespace {

constexpr std::array<std::string_view, 10> kind_names = {
    "reload", "prepared",  "failed",  "committed", "ready",
    "status", "reloading", "prepare", "commit",    "abort"};

// The first line of `text` without its end; `text` goes on after it.
std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

Result<void> decode_field(std::string_view line, Message& message) {
  const size_t equals = line.find('=');
  const std::string_view key = line.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : line.substr(equals + 1);
  if (key == "text") {
    message.text = value;
  } else if (key == "listen") {
    message.listen.push_back(TRY(parse_endpoint(value, 0)));
  } else if (key == "workers" || key == "connections") {
    uint32_t& number = key == "workers" ? message.workers : message.connections_max;
    const auto parsed = std::from_chars(value.begin(), value.end(), number);
    if (parsed.ec != std::errc{} || parsed.ptr != value.end()) {
      return fail("channel message: " + std::string(key) + " '" + std::string(value) +
                  "' is not a number");
    }
  } else {
    return fail("channel message: unknown field '" + std::string(key) + "'");
  }
  return {};
}

}  // namespace

std::string encode_message(const Message& message) {
  std::string text(kind_names[static_cast<size_t>(message.kind)]);
  text += '\n';
  for (const Endpoint& endpoint : message.listen) text += "listen=" + endpoint.to_text() + "\n";
  if (message.workers != 0) text += "workers=" + std::to_string(message.workers) + "\n";
  if (message.connections_max != 0) {
    text += "connections=" + std::to_string(message.connections_max) + "\n";
  }
  if (!message.text.empty()) {
    std::string line = message.text;
    for (char& byte : line) {
      if (byte == '\n') byte = ' ';
    }
    const size_t room = channel_message_bytes_max -
                        std::min(channel_message_bytes_max, text.size() + sizeof("text=\n"));
    text += "text=" + line.substr(0, room) + "\n";
  }
  return text;
}

Result<Message> decode_message(std::string_view text) {
  Message message;
  const std::string_view kind = take_line(text);
  size_t index = 0;
  while (index < kind_names.size() && kind_names[index] != kind) ++index;
  if (index == kind_names.size()) {
    return fail("channel message: unknown kind '" + std::string(kind) + "'");
  }
  message.kind = static_cast<MessageKind>(index);
  while (!text.empty()) TRY(decode_field(take_line(text), message));
  return message;
}

Result<Channel::Pair> Channel::make_pair() {
  std::array<int, 2> sockets{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets.data()) != 0) {
    return fail_system("open a pair of sockets for the control process", errno);
  }
  return Pair{Channel(UniqueFd(sockets[0])), Channel(UniqueFd(sockets[1]))};
}

Result<void> Channel::send(const Message& message) {
  const std::string text = encode_message(message);
  if (text.size() > channel_message_bytes_max) {
    return fail("a message of " + std::to_string(text.size()) +
                " bytes does not fit the channel between supervisor and control");
  }
  if (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) {
    return fail_system("send to the channel between supervisor and control", errno);
  }
  return {};
}

Result<std::optional<Message>> Channel::receive() {
  std::array<char, channel_message_bytes_max> buffer;
  const ssize_t size = recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (size < 0) return fail_system("receive from the channel", errno);
  if (size == 0) return fail("the other end of the channel is closed");
  return TRY(decode_message(std::string_view(buffer.data(), static_cast<size_t>(size))));
}

}  // namespace holdfast::exchange
