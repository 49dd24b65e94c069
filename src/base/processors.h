// SPDX-License-Identifier: GPL-3.0-or-later
// The processors that this process may run on, and running on one of them alone.
#pragma once

#include <cstdint>
#include <vector>

namespace holdfast {

// Ascending. Empty if the system does not tell.
[[nodiscard]] std::vector<uint32_t> allowed_cpus();
// False if the system refuses.
bool stay_on_cpu(uint32_t cpu);

}  // namespace holdfast
