// SPDX-License-Identifier: GPL-3.0-or-later
#include "supervise/supervisor.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "log/log.h"
#include "supervise/process.h"

namespace holdfast::supervise {

namespace {

using log::Category;

constexpr uint64_t ns_per_ms = 1'000'000;
constexpr uint32_t tick_ms = 100;
// A child that was aborted for hanging may be stopped or deaf; then it is killed.
constexpr uint32_t abort_ms = 2000;
// A supervisor that was away for so long was stopped, and its children perhaps with it (Ctrl-Z, a
// paused machine): their silence until then is no sign of anything.
constexpr uint32_t away_ms = 1000;
constexpr uint64_t signals_token = ~uint64_t{0};

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

std::string to_text(const ChildEnd& end) {
  std::string text;
  if (!end.by_signal) {
    text = "ended with status " + std::to_string(end.code);
  } else {
    const char* name = sigabbrev_np(end.code);
    text = "was ended by SIG" + (name != nullptr ? std::string(name) : std::to_string(end.code));
  }
  if (end.hung) text += " because it had hung";
  return text;
}

Result<Supervisor> Supervisor::create(const Clock& clock) {
  const sigset_t set = handled_signals();
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return fail_system("block signals", errno);
  UniqueFd signals(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!signals.valid() || !epoll.valid()) return fail_system("open signal descriptor", errno);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = signals_token;
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, signals.get(), &event) != 0) {
    return fail_system("watch the signal descriptor", errno);
  }
  return Supervisor(clock, std::move(epoll), std::move(signals));
}

Supervisor::Supervisor(const Clock& clock, UniqueFd epoll, UniqueFd signals)
    : clock_(&clock), epoll_(std::move(epoll)), signals_(std::move(signals)) {}

Result<void> Supervisor::watch(int fd, std::function<void()> on_readable) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = watches_.size();
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail_system("watch a descriptor", errno);
  }
  watches_.push_back({fd, std::move(on_readable)});
  return {};
}

size_t Supervisor::add(Child child) {
  entries_.push_back({});
  entries_.back().child = std::move(child);
  return entries_.size() - 1;
}

void Supervisor::restart(size_t child) {
  Entry& entry = entries_[child];
  if (entry.phase != Phase::running) return;  // it will start with what is new anyway
  entry.wanted = true;
  ask_to_end(entry, SIGTERM);
}

void Supervisor::remove(size_t child) {
  Entry& entry = entries_[child];
  entry.start_again = false;
  if (entry.phase == Phase::due) entry.phase = Phase::gone;
  restart(child);
}

bool Supervisor::is_gone(size_t child) const { return entries_[child].phase == Phase::gone; }

int Supervisor::run() {
  while (anything_left()) {
    const uint64_t now_ns = clock_->monotonic_ns();
    if (now_ns - last_tick_ns_ >= away_ms * ns_per_ms) listened_since_ns_ = now_ns;
    // By index: a callback may add children.
    for (size_t i = 0; i < entries_.size(); ++i) look_after(entries_[i]);
    if (now_ns - last_tick_ns_ >= tick_ms * ns_per_ms) {
      last_tick_ns_ = now_ns;
      log::tick();
      if (heartbeats_fresh()) service_manager_.alive(now_ns);
      if (on_tick) on_tick();
    }
    std::array<epoll_event, 8> events{};
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), wait_ms());
    for (int i = 0; i < count; ++i) {
      const uint64_t token = events[static_cast<size_t>(i)].data.u64;
      if (token == signals_token) {
        on_signals();
      } else {
        watches_[token].on_readable();
      }
    }
  }
  return exit_status_;
}

void Supervisor::stop_all() {
  exit_status_ = 1;
  if (stopping_) return;
  stopping_ = true;
  service_manager_.stopping();
  for (size_t i = 0; i < entries_.size(); ++i) remove(i);
}

void Supervisor::start(Entry& entry) {
  const pid_t parent = getpid();
  std::fflush(nullptr);  // or a child would write the parent's rest again
  const pid_t pid = fork();
  if (pid == 0) run_child(entry, parent);
  const uint64_t now_ns = clock_->monotonic_ns();
  if (pid < 0) {
    log::error(Category::supervisor, "fork-failed",
               "cannot start " + entry.child.name + ": " + std::strerror(errno));
    entry.due_ns = now_ns + entry.child.pause_max_ms * ns_per_ms;
    return;
  }
  entry.pid = pid;
  entry.phase = Phase::running;
  entry.started_ns = now_ns;
  entry.hung = entry.wanted = false;
  if (entry.child.on_started) entry.child.on_started(pid);
}

void Supervisor::run_child(Entry& entry, pid_t parent) {
  if (!end_with_parent(parent)) _exit(1);
  signal(SIGHUP, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  const sigset_t set = handled_signals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  const std::vector<int> kept =
      entry.child.descriptors ? entry.child.descriptors() : std::vector<int>{};
  close_descriptors_except(kept);
  const int status = entry.child.run();
  std::fflush(nullptr);
  _exit(status);
}

void Supervisor::ask_to_end(Entry& entry, int signal) {
  kill(entry.pid, signal);
  entry.phase = Phase::ending;
  const uint32_t allowed_ms = signal == SIGABRT ? abort_ms : entry.child.stop_ms;
  entry.due_ns = clock_->monotonic_ns() + allowed_ms * ns_per_ms;
}

void Supervisor::on_signals() {
  signalfd_siginfo information{};
  while (read(signals_.get(), &information, sizeof information) == sizeof information) {
    switch (information.ssi_signo) {
      case SIGCHLD:
        collect();
        break;
      case SIGHUP:
        if (on_reload && !stopping_) on_reload();
        break;
      default:
        log::info(Category::supervisor, "stopping", "asked to stop");
        stop_all();
        exit_status_ = 0;
    }
  }
}

void Supervisor::collect() {
  while (true) {
    siginfo_t information{};
    if (waitid(P_ALL, 0, &information, WEXITED | WNOHANG) != 0 || information.si_pid == 0) return;
    const auto entry = std::ranges::find_if(entries_, [&](const Entry& candidate) {
      const bool runs = candidate.phase == Phase::running || candidate.phase == Phase::ending;
      return runs && candidate.pid == information.si_pid;
    });
    if (entry == entries_.end()) continue;
    on_end(*entry, {.pid = information.si_pid,
                    .by_signal = information.si_code != CLD_EXITED,
                    .code = information.si_status});
  }
}

void Supervisor::on_end(Entry& entry, ChildEnd end) {
  const uint64_t now_ns = clock_->monotonic_ns();
  end.hung = entry.hung;
  end.wanted = entry.wanted;
  entry.pid = 0;
  const bool quick = !end.wanted && now_ns - entry.started_ns < soon_ms * ns_per_ms;
  entry.quick_ends = quick ? entry.quick_ends + 1 : 0;
  uint64_t pause_ms = 0;
  if (entry.quick_ends > free_restarts) {
    const uint32_t doublings = std::min(entry.quick_ends - free_restarts - 1, 16U);
    pause_ms = std::min<uint64_t>(uint64_t{pause_first_ms} << doublings, entry.child.pause_max_ms);
  }
  entry.due_ns = now_ns + pause_ms * ns_per_ms;
  entry.phase = entry.start_again ? Phase::due : Phase::gone;
  if (!end.wanted) {
    log::warning(Category::supervisor, "child-ended", entry.child.name + " " + to_text(end),
                 {{"pid", std::to_string(end.pid)}, {"pause_ms", std::to_string(pause_ms)}});
  }
  if (entry.child.on_ended && entry.child.on_ended(end) == AfterEnd::stop_all) stop_all();
}

// What time asks for: start what is due, kill what does not end, abort what has hung.
void Supervisor::look_after(Entry& entry) {
  const uint64_t now_ns = clock_->monotonic_ns();
  if (entry.phase == Phase::due && entry.due_ns <= now_ns) {
    start(entry);
  } else if (entry.phase == Phase::ending && entry.due_ns <= now_ns) {
    log::warning(Category::supervisor, "child-killed", entry.child.name + " did not end in time",
                 {{"pid", std::to_string(entry.pid)}});
    kill(entry.pid, SIGKILL);
    entry.due_ns = now_ns + abort_ms * ns_per_ms;
  } else if (entry.phase == Phase::running && entry.child.heartbeat_ns) {
    const uint64_t last_ns = entry.child.heartbeat_ns();
    const uint64_t beat_ns = std::max({last_ns, entry.started_ns, listened_since_ns_});
    if (last_ns == 0 || now_ns < beat_ns + entry.child.hung_after_ms * ns_per_ms) return;
    entry.hung = true;
    log::error(Category::supervisor, "child-hung", entry.child.name + " gives no sign of life",
               {{"pid", std::to_string(entry.pid)},
                {"silent_ms", std::to_string((now_ns - beat_ns) / ns_per_ms)}});
    ask_to_end(entry, SIGABRT);
  }
}

bool Supervisor::heartbeats_fresh() const {
  return std::ranges::none_of(entries_, [](const Entry& entry) { return entry.hung; });
}

int Supervisor::wait_ms() const {
  const uint64_t now_ns = clock_->monotonic_ns();
  uint64_t soonest_ns = now_ns + tick_ms * ns_per_ms;
  for (const Entry& entry : entries_) {
    if (entry.phase == Phase::due) soonest_ns = std::min(soonest_ns, entry.due_ns);
  }
  if (soonest_ns <= now_ns) return 0;
  return static_cast<int>((soonest_ns - now_ns + ns_per_ms - 1) / ns_per_ms);
}

bool Supervisor::anything_left() const {
  return std::ranges::any_of(entries_, [](const Entry& e) { return e.phase != Phase::gone; });
}

}  // namespace holdfast::supervise
