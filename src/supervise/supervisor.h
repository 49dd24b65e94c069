// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps child processes running: starts them, starts them again when they end, ends them.
//
// Children are forks that run a function; what they do is none of its business. A child that ends
// is started again at once; one that ends soon after its start, again and again, is started with
// growing pauses. A child whose heartbeat stops is ended and started again, unless this process was
// stopped as well.
// SIGTERM and SIGINT end all children (SIGTERM, and SIGKILL after their time), then `run` returns.
// SIGHUP is passed to a callback. When this process ends by whatever means, the kernel sends its
// children SIGTERM. Blocks those signals for the process. One thread; no other thread may exist, as
// it forks.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "supervise/notify.h"

namespace holdfast::supervise {

struct ChildEnd {
  pid_t pid = 0;
  bool by_signal = false;
  int code = 0;         // the signal or the exit status
  bool hung = false;    // ended by us, because its heartbeat had stopped
  bool wanted = false;  // ended by us otherwise
};
[[nodiscard]] std::string to_text(const ChildEnd& end);

enum class AfterEnd : uint8_t { start_again, stop_all };

struct Child {
  std::string name;  // for the log
  // In the child; its return value is the exit status. Signals are as by default, but SIGHUP and
  // SIGINT, which a terminal sends to all, are ignored.
  std::function<int()> run;
  // Descriptors that the child keeps.
  std::function<std::vector<int>()> descriptors;
  // In the parent: after each start, and after each end.
  std::function<void(pid_t)> on_started;
  std::function<AfterEnd(const ChildEnd&)> on_ended;
  // Monotonic time of its last sign of life; 0: not yet. Null: not watched.
  std::function<uint64_t()> heartbeat_ns;
  uint32_t hung_after_ms = 10'000;
  uint32_t stop_ms = 5'000;       // from SIGTERM to SIGKILL
  uint32_t pause_max_ms = 1'000;  // before a start, when it ends soon again and again
};

class Supervisor {
 public:
  // Restarts without a pause, for a child that ends soon after its start.
  static constexpr uint32_t free_restarts = 3;
  static constexpr uint32_t pause_first_ms = 10;
  static constexpr uint32_t soon_ms = 5000;  // a child that lived longer ended "late"

  // `clock` outlives this.
  [[nodiscard]] static Result<Supervisor> create(const Clock& clock);
  Supervisor(Supervisor&&) noexcept = default;
  Supervisor& operator=(Supervisor&&) noexcept = default;

  // Callbacks, to be set before `run`.
  std::function<void()> on_reload;  // SIGHUP
  std::function<void()> on_tick;    // about each 100 ms
  // Calls `on_readable` when the descriptor is; it stays the caller's.
  [[nodiscard]] Result<void> watch(int fd, std::function<void()> on_readable);

  // Starts it as soon as `run` goes on. The number names the child from now on.
  size_t add(Child child);
  // Ends it (SIGTERM first) and starts it again without a pause, or for good.
  void restart(size_t child);
  void remove(size_t child);
  [[nodiscard]] bool is_gone(size_t child) const;  // removed, and its process has ended

  // Until a signal or stop_all ends it. Zero, or 1 after stop_all.
  [[nodiscard]] int run();
  void stop_all();

  [[nodiscard]] ServiceManager& service_manager() { return service_manager_; }

 private:
  enum class Phase : uint8_t { due, running, ending, gone };
  struct Entry {
    Child child;
    Phase phase = Phase::due;
    pid_t pid = 0;
    uint64_t started_ns = 0;
    uint64_t due_ns = 0;      // due: when to start; ending: when to kill
    uint32_t quick_ends = 0;  // in a row
    bool start_again = true;
    bool hung = false;
    bool wanted = false;
  };
  struct Watch {
    int fd = -1;
    std::function<void()> on_readable;
  };

  Supervisor(const Clock& clock, UniqueFd epoll, UniqueFd signals);
  void start(Entry& entry);
  [[noreturn]] void run_child(Entry& entry, pid_t parent);
  void ask_to_end(Entry& entry, int signal);
  void on_signals();
  void collect();
  void on_end(Entry& entry, ChildEnd end);
  void look_after(Entry& entry);
  [[nodiscard]] bool heartbeats_fresh() const;
  [[nodiscard]] int wait_ms() const;
  [[nodiscard]] bool anything_left() const;

  const Clock* clock_;
  UniqueFd epoll_;
  UniqueFd signals_;
  std::deque<Entry> entries_;  // references outlive an addition

  std::vector<Watch> watches_;
  ServiceManager service_manager_;
  uint64_t last_tick_ns_ = 0;
  uint64_t listened_since_ns_ = 0;  // without having been stopped itself
  bool stopping_ = false;
  int exit_status_ = 0;
};

}  // namespace holdfast::supervise
