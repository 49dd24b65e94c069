// SPDX-License-Identifier: GPL-3.0-or-later
// Counts what comes back to the load's end of a laboratory, by label, and drops it there.
//
// Owner: one thread, of any namespace. There is one at a time: a new one takes the place of the
// last, whose program stays when its user goes. A laboratory has one from the start, since a veth
// takes what an XDP program at the other end sends (XDP_TX) only if it has a program itself.
#pragma once

#include "drill/counter_layout.h"
#include "drill/kernel_program.h"
#include "drill/network_namespace.h"

namespace holdfast::drill {

class AnswerCounter {
 public:
  // Answers are those from `server_port`.
  [[nodiscard]] static Result<AnswerCounter> attach(const NetworkNamespace& load,
                                                    unsigned interface_index, uint16_t server_port);

  // Counts from 0, and in time what comes before `until_ns`. Nothing may be on its way yet.
  void restart(uint64_t until_ns);
  // As it stands now; the program goes on counting meanwhile.
  [[nodiscard]] CounterState read() const;
  // Of all labels.
  [[nodiscard]] uint64_t answers() const;
  // Where generators note when measured questions left.
  [[nodiscard]] int stamps_fd() const { return stamps_fd_; }

 private:
  AnswerCounter(KernelProgram program, MappedMemory state, int stamps_fd)
      : program_(std::move(program)), state_(std::move(state)), stamps_fd_(stamps_fd) {}

  KernelProgram program_;
  MappedMemory state_;
  int stamps_fd_;
};

}  // namespace holdfast::drill
