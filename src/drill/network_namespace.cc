// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/network_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace holdfast::drill {

Result<NetworkNamespace> NetworkNamespace::of_process(pid_t pid) {
  const std::string path =
      pid == 0 ? "/proc/thread-self/ns/net" : "/proc/" + std::to_string(pid) + "/ns/net";
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts{};
  if (!fd.valid() || fstat(fd.get(), &facts) != 0) return fail_system(path, errno);
  return NetworkNamespace(std::move(fd), facts.st_ino);
}

Result<void> NetworkNamespace::enter() const {
  if (setns(fd_.get(), CLONE_NEWNET) != 0) {
    return fail_system("cannot enter a network namespace", errno);
  }
  return {};
}

Result<NamespaceVisit> NamespaceVisit::to(const NetworkNamespace& there) {
  NetworkNamespace home = TRY(NetworkNamespace::of_process(0));
  TRY(there.enter());
  return NamespaceVisit(std::move(home));
}

NamespaceVisit::~NamespaceVisit() {
  const bool moved_from = home_.fd() < 0;
  if (!moved_from) CHECK(home_.enter().has_value());
}

}  // namespace holdfast::drill
