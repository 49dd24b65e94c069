// SPDX-License-Identifier: GPL-3.0-or-later
// The floors' program, loaded and attached to an interface of the calling thread's namespace.
#pragma once

#include "drill/kernel_program.h"
#include "floor_layout.h"

namespace holdfast::bench {

class FloorProgram {
 public:
  // `function` is one of floor.bpf.c; questions are what goes to `port`.
  [[nodiscard]] static Result<FloorProgram> attach(const std::string& interface_name, uint16_t port,
                                                   const char* function);

  [[nodiscard]] FloorState read() const;
  [[nodiscard]] Result<int> sockets_fd() const { return program_.map_fd("sockets"); }

 private:
  FloorProgram(drill::KernelProgram program, drill::MappedMemory state)
      : program_(std::move(program)), state_(std::move(state)) {}

  drill::KernelProgram program_;
  drill::MappedMemory state_;
};

}  // namespace holdfast::bench
