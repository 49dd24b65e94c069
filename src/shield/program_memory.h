// SPDX-License-Identifier: GPL-3.0-or-later
// Lets XDP programs see memory that processes share.
#pragma once

#include "base/error.h"
#include "base/file.h"

namespace holdfast::shield {

// Puts a map of BPF in the place of `bytes` at `at`, and gives its descriptor: a program that uses
// the map reads and writes the same bytes as this process and the children that it forks. `at` is
// the start of a page of a shared mapping, and nothing has been written up to the end of the last
// page. The memory is taken at once. Needs CAP_BPF; after an error all is as it was.
// `name` is what the kernel calls the map: at most 15 characters.
[[nodiscard]] Result<UniqueFd> share_with_programs(void* at, size_t bytes, const char* name);

}  // namespace holdfast::shield
