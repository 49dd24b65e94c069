// SPDX-License-Identifier: GPL-3.0-or-later
// The floor: what a bare XDP_DROP program sustains on the server's processor in this laboratory.
//
// Every defence is measured against it, since rates differ between machines. Sends traffic for some
// seconds. Owner: one thread.
#pragma once

#include "drill/kernel_program.h"
#include "drill/sealed_command.h"

namespace holdfast::drill {

class DropFloor {
 public:
  // Drops what generators send and lets all else through, on the server's interface, until it goes.
  [[nodiscard]] static Result<DropFloor> attach(const SealedSurroundings& surroundings);

  // Frames a second, the most of which at most one in a hundred finds the server's ring full.
  [[nodiscard]] static Result<uint64_t> measure(const SealedSurroundings& surroundings);

 private:
  explicit DropFloor(KernelProgram program) : program_(std::move(program)) {}

  KernelProgram program_;
};

// Frames from the load's side that found the server's receive ring full, so far.
[[nodiscard]] Result<uint64_t> read_ring_drops(const SealedSurroundings& surroundings,
                                               const std::string& load_interface);

}  // namespace holdfast::drill
