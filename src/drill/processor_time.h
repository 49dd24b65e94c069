// SPDX-License-Identifier: GPL-3.0-or-later
// Processor time that processes and single threads have used, kernel threads included.
//
// From /proc/PID/schedstat where the kernel keeps it (nanoseconds), as clock ticks are too coarse
// for what lasts a second.
#pragma once

#include <sys/types.h>

#include <string_view>
#include <vector>

#include "base/error.h"

namespace holdfast::drill {

// On a processor so far, of one thread, or of all threads that a process has now.
[[nodiscard]] Result<uint64_t> thread_time_ns(pid_t thread);
[[nodiscard]] Result<uint64_t> process_time_ns(pid_t process);

// The process and its descendants, from /proc; the order is parents first.
[[nodiscard]] std::vector<pid_t> process_tree(pid_t process);

// What a process has now; none if it has ended.
[[nodiscard]] std::vector<pid_t> threads_of(pid_t process);
[[nodiscard]] std::vector<int> descriptors_of(pid_t process);

// Threads of the kernel whose names begin so: "napi/veth0-".
[[nodiscard]] std::vector<pid_t> find_kernel_threads(std::string_view name_prefix);

}  // namespace holdfast::drill
