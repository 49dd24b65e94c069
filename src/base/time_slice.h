// SPDX-License-Identifier: GPL-3.0-or-later
// How long the calling thread may run before others have their turn: of two that want one
// processor, who wakes with the shorter slice is let in at once, though both have the same share.
//
// Kernels before 6.12 have one slice for all and pass over it. Needs no rights: a thread can give
// up with it what it has, and no more.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace holdfast {

// Whether it takes the processor from others when it wakes (sched(7): SCHED_BATCH does not).
enum class Waking : uint8_t { takes, waits };

// For the calling thread, and those that it starts from then on; at `nice` (nice(2)), which can
// only rise. False, with errno, if the system refuses: then everything is as before.
bool set_time_slice(uint64_t slice_ns, Waking waking, int nice);
// The same for another thread, by its id, which may be the kernel's.
bool set_time_slice_of(pid_t thread, uint64_t slice_ns, Waking waking, int nice);
// Of the calling thread.
[[nodiscard]] int current_nice();

}  // namespace holdfast
