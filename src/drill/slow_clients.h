// SPDX-License-Identifier: GPL-3.0-or-later
// Clients that open TCP connections to hold them: each sends the beginning of a message, then a
// byte every second, and connects anew when it is cut off.
//
// Real sockets in the load's namespace, each from one of the given addresses in turn. Bound: the
// number of connections. One thread.
#pragma once

#include <vector>

#include "base/address.h"
#include "base/file.h"
#include "drill/prefix.h"
#include "drill/sealed_command.h"

namespace holdfast::drill {

class SlowClients {
 public:
  // The seal is checked first.
  [[nodiscard]] static Result<SlowClients> make(const SealedSurroundings& surroundings,
                                                std::vector<Prefix> clients, uint32_t connections,
                                                uint16_t server_port);

  void open_all();
  // To be called often: sends what is due, opens what was closed.
  void go_on();
  void close_all();

 private:
  struct Connection {
    UniqueFd socket;
    uint64_t due_ns = 0;  // of the next byte, or of the next attempt
    unsigned sent = 0;
  };

  SlowClients() = default;
  void open(size_t index, uint64_t now_ns);
  void send_next(Connection& connection, uint64_t now_ns);

  std::vector<Prefix> clients_;
  Endpoint server_;
  std::vector<Connection> connections_;
  size_t next_ = 0;
};

}  // namespace holdfast::drill
