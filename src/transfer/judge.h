// SPDX-License-Identifier: GPL-3.0-or-later
// Judges a zone that came from elsewhere by the rules for zone files.
#pragma once

#include "base/error.h"
#include "zone/contents.h"

namespace holdfast::transfer {

// Finishes `contents`. The error is the first thing that is wrong and the number of others.
[[nodiscard]] Result<void> judge(zone::Contents& contents, uint64_t now_s);

}  // namespace holdfast::transfer
