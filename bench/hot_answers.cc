// SPDX-License-Identifier: GPL-3.0-or-later
#include <bpf/bpf.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "drill/kernel_program.h"
#include "drill/question_list.h"
#include "echo.h"
#include "hot_answers_layout.h"
#include "lab_commands.h"

extern "C" const uint8_t hot_answers_bpf[];
extern "C" const uint8_t hot_answers_bpf_end[];

namespace holdfast::bench {
namespace {

constexpr useconds_t stop_check_us = 20'000;
constexpr size_t type_and_class_bytes = 4;
// The question's name, A, IN, 3600 s, 192.0.2.1.
constexpr std::array<uint8_t, 16> record{0xC0, 12,   0, 1, 0,   1, 0, 0,
                                         0x0E, 0x10, 0, 4, 192, 0, 2, 1};

// Length bytes are below 64 and so no letters.
uint8_t folded(uint8_t byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<uint8_t>(byte | 0x20U) : byte;
}

HotAnswer make_answer() {
  HotAnswer answer{};
  answer.records = 1;
  answer.bytes = record.size();
  std::memcpy(&answer.wire[0], record.data(), record.size());
  for (size_t at = 0; at < record.size(); at += 2) answer.sum += load_be16(record.data() + at);
  return answer;
}

// Every question of the list, or as many as the table takes.
Result<void> fill(const drill::KernelProgram& program, const drill::QuestionList& questions) {
  const int table = TRY(program.map_fd("hot_answers"));
  const HotAnswer answer = make_answer();
  for (size_t index = 0; index < questions.size(); ++index) {
    const Bytes wire = questions.at(index);
    const size_t name_bytes = wire.size() - type_and_class_bytes;
    if (name_bytes > hot_name_bytes) continue;
    HotQuestion question{};
    std::ranges::transform(wire.first(name_bytes), &question.name[0], folded);
    std::memcpy(&question.type, wire.data() + name_bytes, sizeof question.type);
    if (bpf_map_update_elem(table, &question, &answer, BPF_ANY) == 0) continue;
    if (errno == E2BIG) return {};
    return fail_system("cannot fill the table of answers", errno);
  }
  return {};
}

}  // namespace

Result<EchoCounts> answer_in_kernel(const std::string& interface_name, uint16_t port,
                                    const std::string& questions_path) {
  const auto questions = TRY(drill::QuestionList::read(questions_path, {}));
  const unsigned index = if_nametoindex(interface_name.c_str());
  if (index == 0) return fail_system(interface_name, errno);
  const auto size = static_cast<size_t>(&hot_answers_bpf_end[0] - &hot_answers_bpf[0]);
  auto program = TRY(drill::KernelProgram::open(Bytes(&hot_answers_bpf[0], size), "hot answers"));
  const HotPlan plan{port, 0};
  TRY(program.set_constants(
      {static_cast<const uint8_t*>(static_cast<const void*>(&plan)), sizeof plan}));
  TRY(program.load("answer_hot"));
  const drill::MappedMemory memory = TRY(program.variables());
  HotState state{};
  if (memory.bytes().size() < sizeof state) return fail("the program's state is cut short");
  TRY(fill(program, questions));
  TRY(program.attach(index));
  while (!stop) usleep(stop_check_us);
  std::memcpy(&state, memory.bytes().data(), sizeof state);
  return EchoCounts{state.received, state.answered, 0};
}

}  // namespace holdfast::bench
