// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/equal_terms.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/file.h"
#include "drill/processor_time.h"

namespace holdfast::drill {
namespace {

bool is_udp(int fd) {
  int type = 0;
  int domain = 0;
  socklen_t size = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_DGRAM) return false;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return false;
  return domain == AF_INET || domain == AF_INET6;
}

Result<void> set_queue(int fd) {
  const int wanted = server_queue_bytes;
  int has = 0;
  socklen_t size = sizeof has;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) != 0 ||
      getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &has, &size) != 0) {
    return fail_system("cannot set a server's receive queue", errno);
  }
  // The kernel doubles what it is told.
  if (has != 2 * server_queue_bytes) return fail("a server's receive queue kept another size");
  return {};
}

}  // namespace

void keep_on_processor(const std::vector<pid_t>& processes, unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  for (const pid_t process : processes) {
    for (const pid_t thread : threads_of(process)) sched_setaffinity(thread, sizeof set, &set);
  }
}

Result<unsigned> set_receive_queues(const std::vector<pid_t>& processes) {
  unsigned count = 0;
  for (const pid_t process : processes) {
    const UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
    if (!handle.valid()) continue;  // it has ended
    for (const int number : descriptors_of(process)) {
      const UniqueFd copy(static_cast<int>(syscall(SYS_pidfd_getfd, handle.get(), number, 0)));
      if (!copy.valid() || !is_udp(copy.get())) continue;
      TRY(set_queue(copy.get()));
      ++count;
    }
  }
  return count;
}

}  // namespace holdfast::drill
