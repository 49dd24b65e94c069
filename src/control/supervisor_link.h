// SPDX-License-Identifier: GPL-3.0-or-later
// What control says to the supervisor and asks of it (exchange/channel.h gives the messages).
//
// Owner: one thread, which also polls `fd`. Only `prepare` and `commit` wait, within
// supervisor_timeout_ms; a request to reload that comes meanwhile is remembered.
#pragma once

#include <string>

#include "config/config.h"
#include "exchange/channel.h"

namespace holdfast::control {

// Opening sockets and starting workers takes milliseconds; a supervisor that needs longer is stuck.
constexpr unsigned supervisor_timeout_ms = 15'000;

class SupervisorLink {
 public:
  explicit SupervisorLink(exchange::Channel& channel) : channel_(channel) {}

  [[nodiscard]] int fd() const { return channel_.fd(); }
  // Reads what is there. True if a reload was asked for since the last call.
  [[nodiscard]] bool take_reload_request();

  void tell_ready(const std::string& status);
  // Passed on to the service manager; equal texts are sent once.
  void tell_status(const std::string& status);
  void tell_reloading();

  // Has the supervisor open what `config` asks for, and judge whether descriptors suffice; nothing
  // that runs has changed yet. The error is the supervisor's sentence.
  [[nodiscard]] Result<void> prepare(const config::Config& config);
  [[nodiscard]] Result<void> commit();
  void abort();

 private:
  void send(const exchange::Message& message);
  [[nodiscard]] Result<exchange::Message> ask(const exchange::Message& message,
                                              exchange::MessageKind expected);

  exchange::Channel& channel_;
  std::string last_status_;
  bool reload_requested_ = false;
};

}  // namespace holdfast::control
