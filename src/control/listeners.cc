// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/listeners.h"

#include "log/log.h"

namespace holdfast::control {

void Listeners::open_what_is_closed(const config::Config& config) {
  if (!http_.is_serving() && config.metrics.listen) {
    auto listener = HttpServer::bind(*config.metrics.listen);
    if (listener) {
      http_.serve(*std::move(listener));
    } else {
      log::error(log::Category::metrics, "metrics-listen",
                 listener.error().message + "; it is tried again each second");
    }
  }
  if (socket_) return;
  auto listener = ControlSocket::bind(socket_path_);
  if (listener) {
    socket_ = std::make_unique<ControlSocket>(context_, *std::move(listener), handler_);
  } else {
    log::error(log::Category::control, "control-socket",
               listener.error().message + "; it is tried again each second");
  }
}

}  // namespace holdfast::control
