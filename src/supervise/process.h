// SPDX-License-Identifier: GPL-3.0-or-later
// What a process may do: user, capabilities, descriptors, and its end with its parent's.
//
// Called at start by the supervisor and in its children. Errors are sentences for the operator.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "base/error.h"

namespace holdfast::supervise {

struct UserIds {
  uid_t user = 0;
  gid_t group = 0;
};
// The ids of a user name; fails if there is none.
[[nodiscard]] Result<UserIds> find_user(const std::string& name);

// Becomes the user for good, keeping what opening sockets needs: CAP_NET_BIND_SERVICE for port 53,
// CAP_NET_ADMIN for large socket buffers. Sockets are opened as that user, because only sockets of
// one user share a port, and a reload opens more. Does nothing if this process is that user
// already; fails if it is neither that nor root.
[[nodiscard]] Result<void> become_user(const std::string& name);
// After the first sockets are open: a reload can still open port 53, and nothing else is allowed.
[[nodiscard]] Result<void> keep_only_bind_capability();

// Gives up every capability. For processes that open no sockets.
[[nodiscard]] Result<void> drop_all_capabilities();

// Raises the limit of open files as far as it goes; an error tells need and limit.
[[nodiscard]] Result<void> ensure_descriptors(uint64_t needed);
// The same without raising it: for later, when children run with the limit that there was.
[[nodiscard]] Result<void> check_descriptors(uint64_t needed);

// Closes every descriptor above standard error that is not in `kept`.
void close_descriptors_except(std::span<const int> kept);

// SIGTERM when the parent ends, however it does. False if it has ended already.
[[nodiscard]] bool end_with_parent(pid_t parent);

}  // namespace holdfast::supervise
