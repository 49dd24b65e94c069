// SPDX-License-Identifier: GPL-3.0-or-later
// The requests of the control socket about versions of zones: zone-history, zone-diff,
// zone-rollback, zone-freeze (docs/control-socket.md).
//
// Thread: the io_context's; a rollback is done by the thread that manages zones.
#pragma once

#include <string>

#include "control/control_socket.h"
#include "control/task_queue.h"
#include "control/zone_set.h"

namespace holdfast::control {

class VersionCommands {
 public:
  struct Request {
    std::string command;
    std::string zone;  // in any form of a name
    std::string from;  // serials, perhaps empty
    std::string to;
    std::string without;  // "signing", or empty
  };
  // `zones` is used by tasks alone, its history by any thread. All outlive this.
  VersionCommands(ZoneSet& zones, const ZoneTable& table, TaskQueue& tasks)
      : zones_(zones), table_(table), tasks_(tasks) {}

  void handle(const Request& request, const ControlSocket::Done& done) const;

 private:
  void list(const wire::Name& apex, const ControlSocket::Done& done) const;
  void show(const wire::Name& apex, const Request& request, const ControlSocket::Done& done) const;
  void freeze(const std::string& zone, const ControlSocket::Done& done) const;
  void roll_back(const std::string& zone, const Request& request,
                 const ControlSocket::Done& done) const;

  ZoneSet& zones_;
  const ZoneTable& table_;
  TaskQueue& tasks_;
};

}  // namespace holdfast::control
