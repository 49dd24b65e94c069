// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/answer_counter.h"

extern "C" const uint8_t counter_bpf[];
extern "C" const uint8_t counter_bpf_end[];

namespace holdfast::drill {

Result<AnswerCounter> AnswerCounter::attach(const NetworkNamespace& load, unsigned interface_index,
                                            uint16_t server_port) {
  KernelProgram program = TRY(KernelProgram::open(
      Bytes(&counter_bpf[0], static_cast<size_t>(&counter_bpf_end[0] - &counter_bpf[0])),
      "counter"));
  const CounterPlan plan{server_port, 0};
  TRY(program.set_constants(
      {static_cast<const uint8_t*>(static_cast<const void*>(&plan)), sizeof plan}));
  TRY(program.load("count_answers"));
  MappedMemory state = TRY(program.variables());
  if (state.bytes().size() < sizeof(CounterState)) return fail("the counter's state is cut short");
  const int stamps_fd = TRY(program.map_fd("stamps"));
  const auto visit = TRY(NamespaceVisit::to(load));
  TRY(program.set_on(interface_index));
  return AnswerCounter(std::move(program), std::move(state), stamps_fd);
}

void AnswerCounter::restart(uint64_t until_ns) {
  CounterState state{};
  state.until_ns = until_ns;
  std::memcpy(state_.bytes().data(), &state, sizeof state);
}

CounterState AnswerCounter::read() const {
  CounterState state;
  std::memcpy(&state, state_.bytes().data(), sizeof state);
  return state;
}

uint64_t AnswerCounter::answers() const {
  const CounterState state = read();
  uint64_t total = 0;
  for (const AnswerCounts& counts : state.labels) total += counts.answers;
  return total;
}

}  // namespace holdfast::drill
