// SPDX-License-Identifier: GPL-3.0-or-later
#include "floor_program.h"

#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "echo.h"
#include "lab_commands.h"

extern "C" const uint8_t floor_bpf[];
extern "C" const uint8_t floor_bpf_end[];

namespace holdfast::bench {
namespace {

constexpr useconds_t stop_check_us = 20'000;

}  // namespace

Result<FloorProgram> FloorProgram::attach(const std::string& interface_name, uint16_t port,
                                          const char* function) {
  const unsigned index = if_nametoindex(interface_name.c_str());
  if (index == 0) return fail_system(interface_name, errno);
  auto program = TRY(drill::KernelProgram::open(
      Bytes(&floor_bpf[0], static_cast<size_t>(&floor_bpf_end[0] - &floor_bpf[0])), "floor"));
  const FloorPlan plan{port, 0};
  TRY(program.set_constants(
      {static_cast<const uint8_t*>(static_cast<const void*>(&plan)), sizeof plan}));
  TRY(program.load(function));
  drill::MappedMemory state = TRY(program.variables());
  if (state.bytes().size() < sizeof(FloorState)) return fail("the floor's state is cut short");
  TRY(program.attach(index));
  return FloorProgram(std::move(program), std::move(state));
}

FloorState FloorProgram::read() const {
  FloorState state;
  std::memcpy(&state, state_.bytes().data(), sizeof state);
  return state;
}

Result<EchoCounts> run_kernel_floor(const std::string& interface_name, uint16_t port,
                                    KernelFloor kind) {
  const char* function = kind == KernelFloor::drop ? "floor_drop" : "floor_tx";
  const auto program = TRY(FloorProgram::attach(interface_name, port, function));
  while (!stop) usleep(stop_check_us);
  const FloorState state = program.read();
  return EchoCounts{state.received, state.answered, 0};
}

}  // namespace holdfast::bench
