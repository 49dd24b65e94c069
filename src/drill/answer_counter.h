// SPDX-License-Identifier: GPL-3.0-or-later
// Counts what comes back to the load's end of a laboratory, by label, and drops it there.
//
// Owner: one thread, of any namespace. Counting begins with attach() and ends with the counter.
#pragma once

#include "drill/counter_layout.h"
#include "drill/kernel_program.h"
#include "drill/seal.h"

namespace holdfast::drill {

class AnswerCounter {
 public:
  // Answers are those from `server_port`.
  [[nodiscard]] static Result<AnswerCounter> attach(const NetworkNamespace& load,
                                                    const SealedLinks& links, uint16_t server_port);

  // As it stands now; the program goes on counting meanwhile.
  [[nodiscard]] CounterState read() const;
  // Of all labels.
  [[nodiscard]] uint64_t answers() const;
  // Where generators note when measured questions were due.
  [[nodiscard]] int stamps_fd() const { return stamps_fd_; }

 private:
  AnswerCounter(KernelProgram program, MappedMemory state, int stamps_fd)
      : program_(std::move(program)), state_(std::move(state)), stamps_fd_(stamps_fd) {}

  KernelProgram program_;
  MappedMemory state_;
  int stamps_fd_;
};

}  // namespace holdfast::drill
