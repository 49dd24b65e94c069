// SPDX-License-Identifier: GPL-3.0-or-later
#include "supervise/supervisor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>

#include "base/shared_memory.h"
#include "supervise/process.h"

namespace holdfast::supervise {
namespace {

struct Shared {
  std::atomic<int> starts{0};
  std::atomic<uint64_t> heartbeat_ns{0};
  std::atomic<bool> is_ready{false};
};

int wait_for_ever() {
  while (true) pause();
}

class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest()
      : shared_(*SharedObject<Shared>::create("a test")), supervisor_(*Supervisor::create(clock_)) {
    supervisor_.on_tick = [this] {
      if (++ticks_ > ticks_max) supervisor_.stop_all();  // a test that hangs fails
    };
  }
  // A child that counts its starts.
  Child counting(std::function<int()> run) {
    Child child;
    child.name = "test child";
    child.run = [this, run = std::move(run)] {
      shared_->starts.fetch_add(1);
      return run();
    };
    return child;
  }

  static constexpr int ticks_max = 600;  // of 100 ms
  SystemClock clock_;
  SharedObject<Shared> shared_;
  Supervisor supervisor_;
  int ticks_ = 0;
};

TEST_F(SupervisorTest, StartsAChildAgainThatWasKilled) {
  Child child = counting(wait_for_ever);
  child.stop_ms = 60'000;
  std::vector<ChildEnd> ends;
  child.on_started = [&](pid_t pid) {
    if (ends.size() < 2) {
      kill(pid, SIGKILL);
    } else {
      kill(getpid(), SIGTERM);
    }
  };
  child.on_ended = [&](const ChildEnd& end) {
    ends.push_back(end);
    return AfterEnd::start_again;
  };
  supervisor_.add(child);
  EXPECT_EQ(supervisor_.run(), 0);
  ASSERT_EQ(ends.size(), 3u);
  EXPECT_EQ(to_text(ends[0]), "was ended by SIGKILL");
  EXPECT_FALSE(ends[1].wanted);
  EXPECT_TRUE(ends[2].wanted);
  EXPECT_EQ(to_text(ends[2]), "was ended by SIGTERM");
}

TEST_F(SupervisorTest, PausesGrowAndAreBounded) {
  Child child = counting([] { return 3; });
  child.pause_max_ms = 40;
  std::vector<uint64_t> starts_ns;
  child.on_started = [&](pid_t) {
    starts_ns.push_back(clock_.monotonic_ns());
    if (starts_ns.size() == 14) supervisor_.stop_all();
  };
  supervisor_.add(child);
  EXPECT_EQ(supervisor_.run(), 1);
  ASSERT_EQ(starts_ns.size(), 14u);
  const auto pause_ms = [&](size_t i) { return (starts_ns[i + 1] - starts_ns[i]) / 1'000'000; };
  EXPECT_GE(pause_ms(3), 10u);
  EXPECT_GE(pause_ms(4), 20u);
  EXPECT_GE(pause_ms(5), 40u);
  EXPECT_GE(pause_ms(7), 40u);
  // Without a bound none of the last four would be below 640 ms; a machine that stands still for a
  // moment makes one of them long.
  EXPECT_LT(std::min({pause_ms(9), pause_ms(10), pause_ms(11), pause_ms(12)}), 640u);
}

TEST_F(SupervisorTest, EndsAndRestartsWhatHangs) {
  Child child = counting([this] {
    shared_->heartbeat_ns = clock_.monotonic_ns();
    return wait_for_ever();
  });
  child.heartbeat_ns = [this] { return shared_->heartbeat_ns.load(); };
  child.hung_after_ms = 200;
  ChildEnd seen;
  child.on_ended = [&](const ChildEnd& end) {
    if (seen.pid == 0) seen = end;
    supervisor_.stop_all();
    return AfterEnd::start_again;
  };
  supervisor_.add(child);
  EXPECT_EQ(supervisor_.run(), 1);
  EXPECT_TRUE(seen.hung);
  EXPECT_EQ(to_text(seen), "was ended by SIGABRT because it had hung");
}

// The system's, set forward: as if this process had been stopped for so long.
class LeapingClock final : public Clock {
 public:
  [[nodiscard]] uint64_t monotonic_ns() const override { return system_.monotonic_ns() + ahead_ns; }
  [[nodiscard]] uint64_t wall_s() const override { return system_.wall_s(); }
  uint64_t ahead_ns = 0;

 private:
  SystemClock system_;
};

TEST(Supervisor, SilenceWhileItWasStoppedItselfDoesNotCount) {
  LeapingClock clock;
  auto supervisor = *Supervisor::create(clock);
  const uint64_t silent_since_ns = clock.monotonic_ns();
  Child child;
  child.name = "test child";
  child.run = wait_for_ever;
  child.heartbeat_ns = [&] { return silent_since_ns; };
  child.hung_after_ms = 1500;
  uint64_t leapt_ns = 0;
  supervisor.on_tick = [&] {
    if (leapt_ns != 0) return;
    clock.ahead_ns += 60'000'000'000;
    leapt_ns = clock.monotonic_ns();
  };
  uint64_t ended_ns = 0;
  child.on_ended = [&](const ChildEnd& end) {
    EXPECT_TRUE(end.hung);
    ended_ns = clock.monotonic_ns();
    return AfterEnd::stop_all;
  };
  supervisor.add(child);
  EXPECT_EQ(supervisor.run(), 1);
  EXPECT_GE(ended_ns - leapt_ns, 1'500'000'000u);
}

TEST_F(SupervisorTest, KillsWhatDoesNotHeedSigterm) {
  Child child = counting([this] {
    signal(SIGTERM, SIG_IGN);
    shared_->is_ready = true;
    return wait_for_ever();
  });
  child.stop_ms = 100;
  supervisor_.on_tick = [&] {
    if (++ticks_ > ticks_max) supervisor_.stop_all();
    if (shared_->is_ready.exchange(false)) kill(getpid(), SIGTERM);
  };
  int signal_seen = 0;
  child.on_ended = [&](const ChildEnd& end) {
    signal_seen = end.code;
    return AfterEnd::start_again;
  };
  supervisor_.add(child);
  EXPECT_EQ(supervisor_.run(), 0);
  EXPECT_EQ(signal_seen, SIGKILL);
  EXPECT_EQ(shared_->starts.load(), 1);
}

TEST_F(SupervisorTest, AChildsEndMayEndAll) {
  Child child = counting([] { return 7; });
  child.on_ended = [](const ChildEnd& end) {
    EXPECT_EQ(end.code, 7);
    return AfterEnd::stop_all;
  };
  supervisor_.add(child);
  supervisor_.add(counting(wait_for_ever));
  EXPECT_EQ(supervisor_.run(), 1);
}

TEST_F(SupervisorTest, RestartsAndRemovesOnDemandWithoutAPause) {
  const size_t first = supervisor_.add(counting(wait_for_ever));
  const size_t second = supervisor_.add(counting(wait_for_ever));
  int step = 0;
  supervisor_.on_tick = [&] {
    if (++ticks_ > ticks_max) supervisor_.stop_all();
    const int starts = shared_->starts.load();
    if (step == 0 && starts == 2) {
      supervisor_.restart(first);
      ++step;
    } else if (step == 1 && starts == 3) {
      supervisor_.remove(second);
      ++step;
    } else if (step == 2 && supervisor_.is_gone(second)) {
      EXPECT_FALSE(supervisor_.is_gone(first));
      kill(getpid(), SIGTERM);
      ++step;
    }
  };
  EXPECT_EQ(supervisor_.run(), 0);
  EXPECT_EQ(shared_->starts.load(), 3);
}

TEST_F(SupervisorTest, SighupIsACallbackAndNotAnEnd) {
  int reloads = 0;
  supervisor_.on_reload = [&] {
    ++reloads;
    kill(getpid(), SIGINT);
  };
  Child child = counting(wait_for_ever);
  child.on_started = [](pid_t) { kill(getpid(), SIGHUP); };
  supervisor_.add(child);
  EXPECT_EQ(supervisor_.run(), 0);
  EXPECT_EQ(reloads, 1);
}

TEST_F(SupervisorTest, ChildrenKeepOnlyTheirDescriptors) {
  std::array<int, 2> kept{};
  std::array<int, 2> other{};
  ASSERT_EQ(pipe2(kept.data(), O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(other.data(), O_CLOEXEC), 0);
  Child child = counting([=] {
    const bool kept_open = fcntl(kept[1], F_GETFD) >= 0;
    const bool other_open = fcntl(other[1], F_GETFD) >= 0;
    return kept_open && !other_open ? 42 : 43;
  });
  child.descriptors = [=] { return std::vector<int>{kept[1]}; };
  int status = 0;
  child.on_ended = [&](const ChildEnd& end) {
    status = end.code;
    return AfterEnd::stop_all;
  };
  supervisor_.add(child);
  EXPECT_EQ(supervisor_.run(), 1);
  EXPECT_EQ(status, 42);
  for (const int fd : {kept[0], kept[1], other[0], other[1]}) close(fd);
}

TEST(Supervisor, ChildrenEndWithASupervisorThatIsKilled) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t middle = fork();
  if (middle == 0) {
    close(ends[0]);
    const SystemClock clock;
    auto supervisor = Supervisor::create(clock);
    Child child;
    child.name = "orphan";
    child.descriptors = [&] { return std::vector<int>{ends[1]}; };
    child.run = [&] {
      if (write(ends[1], "x", 1) != 1) return 1;
      return wait_for_ever();
    };
    supervisor->add(child);
    _exit(supervisor->run());
  }
  close(ends[1]);
  char byte = 0;
  ASSERT_EQ(read(ends[0], &byte, 1), 1);
  kill(middle, SIGKILL);
  int status = 0;
  waitpid(middle, &status, 0);
  // The pipe ends when the last process that holds it does.
  pollfd end{.fd = ends[0], .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&end, 1, 60'000), 1);
  EXPECT_EQ(read(ends[0], &byte, 1), 0);
  close(ends[0]);
}

TEST(Process, AnUnknownUserIsNamed) {
  const auto result = become_user("no-such-user-here");
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message.find("'no-such-user-here'"), std::string::npos);
}

// In a child, as it cannot be taken back. 77: not root.
int drop_and_look() {
  if (geteuid() != 0) return 77;
  if (!become_user("nobody")) return 1;
  if (geteuid() == 0 || setuid(0) == 0) return 2;
  if (fcntl(STDERR_FILENO, F_GETFD) < 0) return 3;
  return drop_all_capabilities() ? 0 : 4;
}

TEST(Process, BecomesAnotherUserForGood) {
  const pid_t child = fork();
  if (child == 0) _exit(drop_and_look());
  int status = 0;
  waitpid(child, &status, 0);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "only root can become another user";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Process, TooFewDescriptorsTellNeedAndLimit) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit low{.rlim_cur = 64, .rlim_max = 64};
    setrlimit(RLIMIT_NOFILE, &low);
    if (geteuid() == 0 && !become_user("nobody")) _exit(1);
    const auto result = ensure_descriptors(2'345);
    const bool told = !result && result.error().message.find("needs 2345") != std::string::npos &&
                      result.error().message.find("limit is 64") != std::string::npos;
    _exit(told ? 0 : 2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(ensure_descriptors(16).has_value());
}

}  // namespace
}  // namespace holdfast::supervise
