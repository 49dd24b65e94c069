// SPDX-License-Identifier: GPL-3.0-or-later
// One window of load: questions for a set time, then as long as answers come; and what else went on
// in it, so that a disturbed window can be told from a server that is too slow.
#pragma once

#include <string>
#include <vector>

#include "core_time.h"
#include "drill/answer_counter.h"
#include "drill/generator.h"
#include "drill/processor_time.h"

namespace holdfast::bench {

// Whose time is the server's.
struct Measured {
  std::vector<pid_t> processes;
  std::vector<pid_t> threads;  // of the kernel, that receive for it
};

struct Window {
  drill::GeneratorState sent{};
  drill::CounterState state{};
  drill::AnswerCounts total{};  // of all labels
  uint64_t ring_drops = 0;      // found the ring of the server's end full
  uint64_t server_ns = 0;       // processor time of the measured
  uint64_t others_ms = 0;       // of the server's processor, and not the server's
  uint64_t steal_ms = 0;        // of both processors
};

class WindowRunner {
 public:
  // All are owned by the caller. The calling thread is the generator's and on its processor.
  WindowRunner(const drill::SealedSurroundings& surroundings, std::string load_interface,
               drill::Generator& generator, drill::AnswerCounter& counter, Measured measured)
      : surroundings_(surroundings),
        load_interface_(std::move(load_interface)),
        generator_(generator),
        counter_(counter),
        measured_(std::move(measured)) {}

  [[nodiscard]] Result<Window> run(drill::LoadSpan span);

 private:
  struct Reading {
    uint64_t ring_drops = 0;
    uint64_t server_ns = 0;
    CoreTime server_core;
    CoreTime load_core;
  };

  [[nodiscard]] Result<Reading> read() const;
  [[nodiscard]] Result<uint64_t> read_ring_drops() const;
  void await_answers(uint64_t sent) const;

  const drill::SealedSurroundings& surroundings_;
  std::string load_interface_;
  drill::Generator& generator_;
  drill::AnswerCounter& counter_;
  Measured measured_;
};

}  // namespace holdfast::bench
