// SPDX-License-Identifier: GPL-3.0-or-later
// Which zones take no dynamic updates for the time being, because an operator is editing their
// files.
//
// One line a zone in the file `frozen` in the state directory, so that it outlives a restart.
// Owner: the thread that owns zone memory.
#pragma once

#include <set>
#include <string>

#include "base/error.h"

namespace holdfast::control {

class FrozenZones {
 public:
  explicit FrozenZones(const std::string& state_directory);

  [[nodiscard]] bool holds(const std::string& zone) const { return zones_.contains(zone); }
  // On an error nothing has changed.
  [[nodiscard]] Result<void> add(const std::string& zone);
  [[nodiscard]] Result<void> remove(const std::string& zone);

 private:
  [[nodiscard]] Result<void> write(std::set<std::string> zones);

  std::string path_;
  std::set<std::string> zones_;
};

}  // namespace holdfast::control
