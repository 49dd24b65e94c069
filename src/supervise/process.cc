// SPDX-License-Identifier: GPL-3.0-or-later
#include "supervise/process.h"

#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <vector>

namespace holdfast::supervise {

namespace {

struct FreeCapabilities {
  void operator()(cap_t capabilities) const { cap_free(capabilities); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCapabilities>;

// Of these capabilities, keeps those that are held; gives up all others.
Result<void> keep_capabilities(std::span<const cap_value_t> wanted) {
  const Capabilities held(cap_get_proc());
  const Capabilities kept(cap_init());
  if (held == nullptr || kept == nullptr) return fail_system("reduce capabilities", errno);
  for (const cap_value_t capability : wanted) {
    cap_flag_value_t value = CAP_CLEAR;
    cap_get_flag(held.get(), capability, CAP_PERMITTED, &value);
    if (value != CAP_SET) continue;
    cap_set_flag(kept.get(), CAP_PERMITTED, 1, &capability, CAP_SET);
    cap_set_flag(kept.get(), CAP_EFFECTIVE, 1, &capability, CAP_SET);
  }
  if (cap_set_proc(kept.get()) != 0) return fail_system("reduce capabilities", errno);
  return {};
}

}  // namespace

Result<UserIds> find_user(const std::string& name) {
  std::array<char, 16384> buffer;
  passwd entry{};
  passwd* found = nullptr;
  const int error = getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (error != 0) return fail_system("look up the user '" + name + "' (server.user)", error);
  if (found == nullptr) {
    return fail("server.user: there is no user '" + name +
                "' on this machine; make it (useradd --system " + name +
                ") or name another, or leave server.user empty to stay as started");
  }
  return UserIds{.user = entry.pw_uid, .group = entry.pw_gid};
}

Result<void> become_user(const std::string& name) {
  const UserIds ids = TRY(find_user(name));
  if (geteuid() == ids.user) return {};
  if (geteuid() != 0) {
    return fail("server.user: cannot become '" + name + "' without being started as root");
  }
  const std::string what = "become the user '" + name + "' (server.user)";
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return fail_system(what, errno);
  if (initgroups(name.c_str(), ids.group) != 0) return fail_system(what, errno);
  if (setresgid(ids.group, ids.group, ids.group) != 0) return fail_system(what, errno);
  if (setresuid(ids.user, ids.user, ids.user) != 0) return fail_system(what, errno);
  TRY(keep_capabilities(std::array{CAP_NET_BIND_SERVICE, CAP_NET_ADMIN}));
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  // Changing user switches core dumps off; an operator who wants them has set a limit that says so.
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  return {};
}

Result<void> keep_only_bind_capability() {
  return keep_capabilities(std::array{CAP_NET_BIND_SERVICE});
}

Result<void> drop_all_capabilities() { return keep_capabilities({}); }

Result<void> ensure_descriptors(uint64_t needed) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return fail_system("read the limit of files", errno);
  const rlim_t most = std::max<rlim_t>(limit.rlim_max, needed);
  const rlimit raised{.rlim_cur = most, .rlim_max = most};
  if (limit.rlim_cur >= most || setrlimit(RLIMIT_NOFILE, &raised) == 0) return {};
  return check_descriptors(needed);
}

Result<void> check_descriptors(uint64_t needed) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return fail_system("read the limit of files", errno);
  if (limit.rlim_cur >= needed) return {};
  return fail("too few file descriptors: this configuration needs " + std::to_string(needed) +
              ", but the limit is " + std::to_string(limit.rlim_cur) +
              "; raise it (LimitNOFILE= in the unit, ulimit -n) or lower tcp.connections_max");
}

void close_descriptors_except(std::span<const int> kept) {
  std::vector<unsigned> sorted;
  for (const int fd : kept) {
    if (fd > STDERR_FILENO) sorted.push_back(static_cast<unsigned>(fd));
  }
  std::ranges::sort(sorted);
  unsigned from = STDERR_FILENO + 1;
  for (const unsigned fd : sorted) {
    if (fd > from) close_range(from, fd - 1, 0);
    from = fd + 1;
  }
  close_range(from, ~0U, 0);
}

bool end_with_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  return getppid() == parent;
}

}  // namespace holdfast::supervise
