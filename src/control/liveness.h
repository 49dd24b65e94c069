// SPDX-License-Identifier: GPL-3.0-or-later
// Control's sign of life, without which the supervisor ends it and starts another.
//
// A thread of its own gives the sign, so a process that is stopped or starved of everything falls
// silent within beat_ms. It gives none while a watched thread is overdue: each says, when it begins
// a step, how long that may take. The times are far above what honest work needs, because a control
// that is ended while it loads begins anew; and each end for want of a sign doubles them for the
// next one, until a load has come through. Thread: `begin` any.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "exchange/panel.h"

namespace holdfast::control {

enum class WatchedThread : uint8_t { management, sockets };
enum class Step : uint8_t {
  // Back for the next request, or the next turn of a loop.
  turn,
  // One zone read and published, or one file synced or written anew: as long as the disk takes.
  work,
};

class Liveness {
 public:
  static constexpr uint64_t beat_ms = 500;
  static constexpr uint64_t turn_ms = 60'000;
  static constexpr uint64_t work_ms = 600'000;
  static constexpr uint32_t doublings_max = 6;

  // Begins with both threads at work. `panel` and `clock` outlive this.
  Liveness(exchange::Panel& panel, const Clock& clock);
  Liveness(const Liveness&) = delete;
  Liveness& operator=(const Liveness&) = delete;
  ~Liveness();

  void begin(WatchedThread thread, Step step);

 private:
  void beat();
  void run();

  exchange::Panel& panel_;
  const Clock& clock_;
  const uint64_t stretch_;  // factor of all times
  std::array<std::atomic<uint64_t>, 2> due_ns_{};
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace holdfast::control
