// SPDX-License-Identifier: GPL-3.0-or-later
// Puts every server under drill on the same terms, whatever its own habits are.
//
// Some pin their threads to processors of their own choice, the load's among them; some ask for a
// large receive queue, and others take the system's default, which an operator would raise. Both
// are set from outside, in the running processes, so nothing of the system's is changed. Any
// thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "base/error.h"

namespace holdfast::drill {

// As much as a server may ask for that knows what a flood is; the kernel counts its own costs too.
constexpr int server_queue_bytes = 4 << 20;

// All threads that the processes have now. One that ends meanwhile is passed over.
void keep_on_processor(const std::vector<pid_t>& processes, unsigned cpu);

// Of every UDP socket that the processes have open. Gives how many there were; an error if one has
// kept another size. Needs CAP_NET_ADMIN, and the right to trace the processes.
[[nodiscard]] Result<unsigned> set_receive_queues(const std::vector<pid_t>& processes);

}  // namespace holdfast::drill
