// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/fault_note.h"

#include <unistd.h>

#include <array>
#include <csignal>

namespace holdfast::server {

namespace {

constexpr std::array fault_signals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
// The handler needs little, but a stack that has overflowed has none.
constexpr size_t stack_bytes = size_t{64} * 1024;

std::atomic<uint32_t>* noted = nullptr;

// SA_RESETHAND has restored the default: the signal that is raised here ends the process.
void on_fault(int signal_number, siginfo_t* information, void*) {
  const bool from_kernel = information->si_code > 0;
  const bool from_abort = signal_number == SIGABRT && information->si_code == SI_TKILL &&
                          information->si_pid == getpid();
  if (from_kernel || from_abort) noted->store(static_cast<uint32_t>(signal_number));
  raise(signal_number);
}

}  // namespace

void note_own_faults(std::atomic<uint32_t>& own_fault) {
  alignas(16) static std::array<uint8_t, stack_bytes> stack;
  own_fault.store(0);
  noted = &own_fault;
  stack_t alternative{};
  alternative.ss_sp = stack.data();
  alternative.ss_size = stack.size();
  sigaltstack(&alternative, nullptr);
  struct sigaction action{};
  action.sa_sigaction = on_fault;
  action.sa_flags = static_cast<int>(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND);
  for (const int signal_number : fault_signals) sigaction(signal_number, &action, nullptr);
}

}  // namespace holdfast::server
