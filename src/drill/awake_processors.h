// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps processors from sleeping while it lives: idle ones wait in a loop instead.
//
// A virtual processor that sleeps is given back to the host, and comes back when the host likes:
// later than a veth's 256 frames last. What profiles for low latency set on servers as well. Best
// effort: where the kernel does not offer it (CPU_LATENCY of its power management), nothing
// changes.
#pragma once

#include "base/file.h"

namespace holdfast::drill {

class AwakeProcessors {
 public:
  AwakeProcessors();
  [[nodiscard]] bool are_kept() const { return request_.valid(); }

 private:
  UniqueFd request_;  // in force as long as it is open
};

}  // namespace holdfast::drill
