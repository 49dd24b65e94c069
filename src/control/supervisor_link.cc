// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/supervisor_link.h"

#include <poll.h>

#include <chrono>

#include "log/log.h"

namespace holdfast::control {

using exchange::Message;
using exchange::MessageKind;

bool SupervisorLink::take_reload_request() {
  for (;;) {
    const auto received = channel_.receive();
    if (!received) {
      log::warning(log::Category::control, "channel", received.error().message);
      break;
    }
    if (!*received) break;
    if ((*received)->kind == MessageKind::reload) reload_requested_ = true;
  }
  return std::exchange(reload_requested_, false);
}

void SupervisorLink::tell_ready(const std::string& status) {
  last_status_ = status;
  send({.kind = MessageKind::ready, .text = status, .workers = 0, .listen = {}});
}

void SupervisorLink::tell_status(const std::string& status) {
  if (status == last_status_) return;
  last_status_ = status;
  send({.kind = MessageKind::status, .text = status, .workers = 0, .listen = {}});
}

void SupervisorLink::tell_reloading() {
  send({.kind = MessageKind::reloading, .text = {}, .workers = 0, .listen = {}});
}

Result<void> SupervisorLink::prepare(const config::Config& config) {
  TRY(ask({.kind = MessageKind::prepare,
           .text = {},
           .workers = config.server.workers,
           .listen = config.server.listen,
           .connections_max = config.tcp.connections_max},
          MessageKind::prepared));
  return {};
}

Result<void> SupervisorLink::commit() {
  TRY(ask({.kind = MessageKind::commit, .text = {}, .workers = 0, .listen = {}},
          MessageKind::committed));
  return {};
}

void SupervisorLink::abort() {
  send({.kind = MessageKind::abort, .text = {}, .workers = 0, .listen = {}});
}

void SupervisorLink::send(const Message& message) {
  const auto sent = channel_.send(message);
  if (!sent) log::warning(log::Category::control, "channel", sent.error().message);
}

Result<Message> SupervisorLink::ask(const Message& message, MessageKind expected) {
  using Clock = std::chrono::steady_clock;
  TRY(channel_.send(message));
  const auto end = Clock::now() + std::chrono::milliseconds(supervisor_timeout_ms);
  for (auto now = Clock::now(); now < end; now = Clock::now()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - now).count();
    pollfd poll_entry{.fd = channel_.fd(), .events = POLLIN, .revents = 0};
    ::poll(&poll_entry, 1, static_cast<int>(left) + 1);
    const auto received = TRY(channel_.receive());
    if (!received) continue;
    if (received->kind == MessageKind::reload) reload_requested_ = true;
    if (received->kind == MessageKind::failed) return fail(received->text);
    if (received->kind == expected) return *received;
  }
  return fail("the supervisor did not answer within " +
              std::to_string(supervisor_timeout_ms / 1000) + " s");
}

}  // namespace holdfast::control
