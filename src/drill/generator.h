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

// All but whole questions only over IPv4.
enum class FrameType : uint8_t {
  question,
  response,   // a message with the QR bit, such as a reflector sends
  fragment,   // parts of datagrams that never become whole
  malformed,  // wrong in one of eight ways
  tcp_syn     // beginnings of connections that nobody goes on with
};

struct GeneratorConfig {
  uint16_t server_port = 53;
  bool over_ipv6 = false;
  uint8_t label = 1;         // 1 to 5: what its answers are counted under
  double zipf_exponent = 0;  // 0: every question alike often
  uint8_t hop_limit = 64;
  std::vector<uint8_t> hop_limits;  // of each client, in place of the one above; empty: as that
  FrameType frame = FrameType::question;
  uint8_t random_source_bits = 0;  // IPv4: the last of the one client's are made up; 0: none
  bool mixed_case = false;         // of the letters of random labels
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

  // For GeneratorGroup, which runs several at a time: begins the span at `start_ns` without running
  // anything; what was sent so far in it, from any thread.
  void begin(const LoadSpan& span, uint64_t start_ns);
  [[nodiscard]] GeneratorState state() const;
  void end();
  [[nodiscard]] int program_fd() const { return program_.program_fd(); }

 private:
  Generator(KernelProgram program, MappedMemory state, uint64_t seed)
      : program_(std::move(program)), state_(std::move(state)), random_(seed) {}

  KernelProgram program_;
  MappedMemory state_;
  uint64_t random_;
};

}  // namespace holdfast::drill
