// SPDX-License-Identifier: GPL-3.0-or-later
// Sends DNS questions into a laboratory, up to several million a second, from any number of
// simulated clients: at a set rate whatever becomes of them (an open loop), or as fast as it goes.
//
// A program in the kernel writes the frames. Bounds: rate_max and duration_max_s; the end of the
// time is enforced in the kernel too. Nothing is sent unless the seal was checked right before.
// Owner: one thread, of any namespace; it should be pinned to the load's processor, which it uses
// up while it runs.
#pragma once

#include <atomic>
#include <vector>

#include "drill/generator_layout.h"
#include "drill/kernel_program.h"
#include "drill/question_list.h"
#include "drill/sealed_command.h"

namespace holdfast::drill {

constexpr uint64_t rate_max = 10'000'000;  // a second; above what one core can make
constexpr uint64_t duration_max_s = 600;

struct GeneratorConfig {
  uint16_t server_port = 53;
  bool over_ipv6 = false;
  uint8_t label = 1;         // 1 to 5: what its answers are counted under
  double zipf_exponent = 0;  // 0: every question alike often
  uint8_t hop_limit = 64;
  uint64_t seed = 1;
};

// Between the order to begin and the first question: the kernel waits for RCU meanwhile.
constexpr uint64_t start_delay_ns = 40'000'000;

struct LoadSpan {
  uint64_t start_ns = 0;    // of CLOCK_MONOTONIC; 0: after start_delay_ns
  uint64_t rate_per_s = 0;  // 0: as fast as it goes
  uint64_t duration_ms = 1000;
  uint64_t measured_one_in = 0;  // questions of which the time is taken; 0: none
};

class Generator {
 public:
  // `stamps_fd` is the answer counter's.
  [[nodiscard]] static Result<Generator> make(const SealedSurroundings& surroundings,
                                              const GeneratorConfig& config,
                                              const QuestionList& questions,
                                              const std::vector<Prefix>& clients, int stamps_fd);

  // Returns when the time is over or `stop` is set; gives what was sent in that time. SIGURG must
  // not be blocked (interruption.h).
  [[nodiscard]] Result<GeneratorState> run(const SealedSurroundings& surroundings,
                                           const LoadSpan& span, const std::atomic<bool>& stop);

 private:
  Generator(KernelProgram program, MappedMemory state, uint64_t seed)
      : program_(std::move(program)), state_(std::move(state)), random_(seed) {}

  KernelProgram program_;
  MappedMemory state_;
  uint64_t random_;
};

}  // namespace holdfast::drill
