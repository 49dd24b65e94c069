// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/equal_terms.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/file.h"

namespace holdfast::drill {
namespace {

// A process that does nothing, with whatever was open when it began.
class Sleeper {
 public:
  Sleeper() : pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

int queue_of(const UniqueFd& socket) {
  int bytes = 0;
  socklen_t size = sizeof bytes;
  getsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &bytes, &size);
  return bytes;
}

TEST(EqualTermsTest, EveryUdpSocketGetsTheSameQueue) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const UniqueFd udp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const UniqueFd tcp(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd local(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int of_tcp = queue_of(tcp);
  const int of_local = queue_of(local);
  const Sleeper sleeper;
  const auto count = set_receive_queues({sleeper.pid()});
  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(*count, 1U);
  EXPECT_EQ(queue_of(udp), 2 * server_queue_bytes);
  EXPECT_EQ(queue_of(tcp), of_tcp);
  EXPECT_EQ(queue_of(local), of_local);
}

TEST(EqualTermsTest, AThreadGoesBackToTheProcessorThatItLeft) {
  const Sleeper sleeper;
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  unsigned last = 0;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &all)) last = cpu;
  }
  keep_on_processor({sleeper.pid()}, last);
  cpu_set_t now;
  ASSERT_EQ(sched_getaffinity(sleeper.pid(), sizeof now, &now), 0);
  EXPECT_EQ(CPU_COUNT(&now), 1);
  EXPECT_TRUE(CPU_ISSET(last, &now));
}

TEST(EqualTermsTest, AProcessThatHasEndedIsPassedOver) {
  pid_t ended = 0;
  {
    const Sleeper sleeper;
    ended = sleeper.pid();
  }
  keep_on_processor({ended}, 0);
  const auto count = set_receive_queues({ended});
  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(*count, 0U);
}

}  // namespace
}  // namespace holdfast::drill
