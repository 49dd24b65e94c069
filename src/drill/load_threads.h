// SPDX-License-Identifier: GPL-3.0-or-later
// How the threads of a load share its processor, so that none of them shapes what another measures.
//
// Resolvers ask little and are never kept waiting; whoever counts comes next; the generator has
// what is left, which is nearly all of it, and goes before whatever else runs there. Whoever
// watches a processor (stall_watch.h) goes before all. Each call is for the calling thread.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace holdfast::drill {

enum class LoadThread : uint8_t { generator, sampler, resolvers, watch };

// Pins the thread to `cpu` and gives it its place. Where real-time priority is not to be had, the
// best of the ordinary ones has to do; what comes of it is seen in a run's lateness.
[[nodiscard]] Result<void> take_place(LoadThread thread, unsigned cpu);

}  // namespace holdfast::drill
