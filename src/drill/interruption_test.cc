// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/interruption.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/clock.h"
#include "base/file.h"

namespace holdfast::drill {
namespace {

// A call that nothing but a signal ends.
class Interruptions : public testing::Test {
 protected:
  Interruptions() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours_ = UniqueFd(ends[0]);
    theirs_ = UniqueFd(ends[1]);
  }

  int error_of_read() {
    char unused = 0;
    return read(ours_.get(), &unused, 1) < 0 ? errno : 0;
  }

  UniqueFd ours_;
  UniqueFd theirs_;
  std::atomic<bool> flag_ = false;
};

TEST_F(Interruptions, ComeWhenItIsTime) {
  const SystemClock clock;
  const uint64_t at_ns = clock.monotonic_ns() + 20'000'000;
  const Interruption interruption(at_ns, flag_);
  EXPECT_EQ(error_of_read(), EINTR);
  EXPECT_GE(clock.monotonic_ns(), at_ns);
  EXPECT_EQ(error_of_read(), EINTR) << "once more, as the first may come between two calls";
}

TEST_F(Interruptions, ComeWhenTheFlagIsSet) {
  const Interruption interruption(~0ULL, flag_);
  std::thread setter([this] {
    usleep(5000);
    flag_ = true;
  });
  EXPECT_EQ(error_of_read(), EINTR);
  setter.join();
}

}  // namespace
}  // namespace holdfast::drill
