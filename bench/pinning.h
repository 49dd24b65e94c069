// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps what makes load on the load's processor, away from the server's.
#pragma once

#include "base/error.h"

namespace holdfast::bench {

// The calling thread, to the processor that LAB_LOAD_CPU names.
[[nodiscard]] Result<void> pin_to_load_cpu();

}  // namespace holdfast::bench
