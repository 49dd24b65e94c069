// SPDX-License-Identifier: GPL-3.0-or-later
// The processors of a laboratory: the server's, the load's, and where a thread of the load belongs.
#pragma once

#include "base/error.h"

namespace holdfast::bench {

// As the laboratory's environment names them.
[[nodiscard]] Result<unsigned> server_cpu();
[[nodiscard]] Result<unsigned> load_cpu();

// The calling thread, and those that it starts afterwards.
[[nodiscard]] Result<void> pin_to_load_cpu();

}  // namespace holdfast::bench
