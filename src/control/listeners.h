// SPDX-License-Identifier: GPL-3.0-or-later
// The control socket and the metrics endpoint, each tried again every second until it is open.
//
// What fails here is told in the log and never keeps zones from being loaded. Owner: the thread
// that manages zones.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "control/control_socket.h"
#include "control/http_server.h"

namespace holdfast::control {

class Listeners {
 public:
  Listeners(boost::asio::io_context& context, HttpServer& http, std::string socket_path,
            ControlSocket::Handler handler)
      : context_(context),
        http_(http),
        socket_path_(std::move(socket_path)),
        handler_(std::move(handler)) {}

  void open_what_is_closed(const config::Config& config);

 private:
  boost::asio::io_context& context_;
  HttpServer& http_;
  const std::string socket_path_;
  const ControlSocket::Handler handler_;
  std::unique_ptr<ControlSocket> socket_;
};

}  // namespace holdfast::control
