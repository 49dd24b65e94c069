// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/interruption.h"

#include <algorithm>
#include <chrono>
#include <csignal>

#include "base/clock.h"

namespace holdfast::drill {
namespace {

constexpr uint64_t look_again_ns = 10'000'000;
// The first may have come right before the system call began.
constexpr uint64_t repeat_ns = 1'000'000;

}  // namespace

Interruption::Interruption(uint64_t at_ns, const std::atomic<bool>& flag)
    : interrupted_(pthread_self()) {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  sigaction(SIGURG, &action, nullptr);
  watcher_ = std::thread([this, at_ns, &flag] { watch(at_ns, flag); });
}

Interruption::~Interruption() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  condition_.notify_one();
  watcher_.join();
}

void Interruption::watch(uint64_t at_ns, const std::atomic<bool>& flag) {
  const SystemClock clock;
  std::unique_lock lock(mutex_);
  while (!over_) {
    const uint64_t now_ns = clock.monotonic_ns();
    const bool is_due = flag || now_ns >= at_ns;
    if (is_due) pthread_kill(interrupted_, SIGURG);
    const uint64_t wait_ns = is_due ? repeat_ns : std::min(look_again_ns, at_ns - now_ns);
    condition_.wait_for(lock, std::chrono::nanoseconds(wait_ns), [this] { return over_; });
  }
}

}  // namespace holdfast::drill
