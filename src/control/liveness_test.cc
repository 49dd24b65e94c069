// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/liveness.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/shared_memory.h"

namespace holdfast::control {
namespace {

using std::chrono::milliseconds;

// Read by the beating thread while the test moves it.
class AtomicClock final : public Clock {
 public:
  [[nodiscard]] uint64_t monotonic_ns() const override { return now_ns_; }
  [[nodiscard]] uint64_t wall_s() const override { return now_ns_ / 1'000'000'000; }
  void advance_ms(uint64_t ms) { now_ns_ += ms * 1'000'000; }

 private:
  std::atomic<uint64_t> now_ns_{1'000'000'000};
};

class LivenessTest : public testing::Test {
 protected:
  void make() { liveness_.emplace(*panel_, clock_); }
  // Whether a sign comes that is as new as the clock is now.
  [[nodiscard]] bool gives_signs() const {
    for (int tries = 0; tries < 6000; ++tries) {
      if (panel_->control_heartbeat_ns == clock_.monotonic_ns()) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }
  // Whether none comes though the thread has had its turn more than once.
  [[nodiscard]] bool is_silent() const {
    std::this_thread::sleep_for(milliseconds(3 * Liveness::beat_ms));
    return panel_->control_heartbeat_ns != clock_.monotonic_ns();
  }
  void begin_turns() {
    liveness_->begin(WatchedThread::management, Step::turn);
    liveness_->begin(WatchedThread::sockets, Step::turn);
  }

  SharedObject<exchange::Panel> panel_ = SharedObject<exchange::Panel>::create("panel").value();
  AtomicClock clock_;
  std::optional<Liveness> liveness_;
};

TEST_F(LivenessTest, WorkMayTakeLong) {
  make();
  EXPECT_TRUE(gives_signs());
  clock_.advance_ms(Liveness::work_ms - 1);
  EXPECT_TRUE(gives_signs());
  clock_.advance_ms(1);
  EXPECT_TRUE(is_silent());
  begin_turns();
  EXPECT_TRUE(gives_signs());
}

TEST_F(LivenessTest, EachOfTheThreadsIsWatched) {
  make();
  for (const auto overdue : {WatchedThread::management, WatchedThread::sockets}) {
    begin_turns();
    EXPECT_TRUE(gives_signs());
    const auto other =
        overdue == WatchedThread::management ? WatchedThread::sockets : WatchedThread::management;
    liveness_->begin(other, Step::work);
    clock_.advance_ms(Liveness::turn_ms);
    EXPECT_TRUE(is_silent());
  }
}

TEST_F(LivenessTest, EachEndForWantOfASignDoublesTheTime) {
  panel_->control_hangs = 2;
  make();
  begin_turns();
  clock_.advance_ms(4 * Liveness::turn_ms - 1);
  EXPECT_TRUE(gives_signs());
  clock_.advance_ms(1);
  EXPECT_TRUE(is_silent());
}

TEST_F(LivenessTest, TheTimeHasABound) {
  panel_->control_hangs = 1'000'000;
  make();
  begin_turns();
  clock_.advance_ms(Liveness::turn_ms << Liveness::doublings_max);
  EXPECT_TRUE(is_silent());
}

}  // namespace
}  // namespace holdfast::control
