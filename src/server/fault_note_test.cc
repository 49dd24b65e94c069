// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/fault_note.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>

#include "base/shared_memory.h"

namespace holdfast::server {
namespace {

struct End {
  int signal = 0;
  uint32_t noted = 0;
};

End run_and_die(const std::function<void()>& die) {
  const auto noted = SharedObject<std::atomic<uint32_t>>::create("a test");
  const pid_t child = fork();
  if (child == 0) {
    note_own_faults(**noted);
    die();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return {.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0, .noted = (*noted)->load()};
}

TEST(FaultNote, ABrokenInstructionIsNoted) {
  const End end = run_and_die([] { __builtin_trap(); });
  EXPECT_NE(end.signal, 0);
  EXPECT_EQ(end.noted, static_cast<uint32_t>(end.signal));
}

TEST(FaultNote, AnAbortIsNoted) {
  const End end = run_and_die([] { abort(); });
  EXPECT_EQ(end.signal, SIGABRT);
  EXPECT_EQ(end.noted, static_cast<uint32_t>(SIGABRT));
}

TEST(FaultNote, ASignalFromAnotherProcessIsNot) {
  const pid_t parent = getpid();
  const End end = run_and_die([parent] {
    const pid_t victim = getpid();
    const pid_t killer = fork();
    if (killer == 0) {
      kill(victim, SIGSEGV);
      _exit(0);
    }
    while (getpid() != parent) pause();
  });
  EXPECT_EQ(end.signal, SIGSEGV);
  EXPECT_EQ(end.noted, 0u);
}

}  // namespace
}  // namespace holdfast::server
