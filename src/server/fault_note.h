// SPDX-License-Identifier: GPL-3.0-or-later
// Notes in shared memory that this process dies of a fault of its own, and lets it die.
//
// The kernel tells a parent the signal alone, not whether it came from a broken instruction or from
// somebody's kill(1). Only the former convicts the message in hand. Once a process.
#pragma once

#include <atomic>
#include <cstdint>

namespace holdfast::server {

// `own_fault` outlives the process.
void note_own_faults(std::atomic<uint32_t>& own_fault);

}  // namespace holdfast::server
