// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/liveness.h"

#include <algorithm>
#include <chrono>

namespace holdfast::control {

namespace {

constexpr uint64_t ns_per_ms = 1'000'000;

}  // namespace

Liveness::Liveness(exchange::Panel& panel, const Clock& clock)
    : panel_(panel),
      clock_(clock),
      stretch_(uint64_t{1} << std::min(panel.control_hangs.load(), doublings_max)) {
  begin(WatchedThread::management, Step::work);
  begin(WatchedThread::sockets, Step::work);
  thread_ = std::thread([this] { run(); });
}

Liveness::~Liveness() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  ended_.notify_one();
  thread_.join();
}

void Liveness::begin(WatchedThread thread, Step step) {
  const uint64_t allowed_ms = (step == Step::turn ? turn_ms : work_ms) * stretch_;
  due_ns_[static_cast<size_t>(thread)] = clock_.monotonic_ns() + allowed_ms * ns_per_ms;
}

void Liveness::beat() {
  const uint64_t now_ns = clock_.monotonic_ns();
  if (std::ranges::all_of(due_ns_, [&](const auto& due_ns) { return now_ns < due_ns; })) {
    panel_.control_heartbeat_ns = now_ns;
  }
}

void Liveness::run() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    beat();
    ended_.wait_for(lock, std::chrono::milliseconds(beat_ms));
  }
}

}  // namespace holdfast::control
