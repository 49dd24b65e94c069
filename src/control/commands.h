// SPDX-License-Identifier: GPL-3.0-or-later
// What the requests of the control socket mean (docs/control-socket.md).
//
// Thread: the io_context's. Reloads are handed to the thread that manages zones.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "control/control_socket.h"
#include "control/reload_queue.h"
#include "control/reports.h"
#include "control/shield_commands.h"
#include "control/version_commands.h"
#include "control/zone_printer.h"

namespace holdfast::control {

class Commands {
 public:
  // Its `done` is called from any thread.
  using RequestReload = std::function<void(ReloadRequest)>;
  Commands(const ReportSources& sources, ZonePrinters& printers, VersionCommands versions,
           ShieldCommands shield, RequestReload request_reload)
      : sources_(sources),
        printers_(printers),
        versions_(versions),
        shield_(shield),
        request_reload_(std::move(request_reload)) {}

  void handle(std::string_view request, const ControlSocket::Done& done) const;

 private:
  void reload(AfterReload after, const std::optional<std::string>& zone,
              const ControlSocket::Done& done) const;
  void list_zones(const ControlSocket::Done& done) const;
  void handle_zone(const std::string& command, const std::string& zone,
                   const ControlSocket::Done& done) const;

  const ReportSources& sources_;
  ZonePrinters& printers_;
  VersionCommands versions_;
  ShieldCommands shield_;
  RequestReload request_reload_;
};

}  // namespace holdfast::control
