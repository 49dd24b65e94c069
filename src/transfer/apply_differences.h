// SPDX-License-Identifier: GPL-3.0-or-later
// A version of a zone with differences applied: the next version, on the heap.
//
// Strict: what is removed must be there, what is added must not, and the first SOA that is removed
// must be the version's own. Otherwise the two sides do not agree on the version, and the whole
// zone has to be transferred. The cost is that of the whole zone. The caller stands in an epoch.
#pragma once

#include <span>

#include "base/error.h"
#include "transfer/record_list.h"
#include "zone/contents.h"

namespace holdfast::transfer {

// Not finished.
[[nodiscard]] Result<zone::Contents> apply_differences(const zone::ZoneView& zone,
                                                       std::span<const Difference> differences);

}  // namespace holdfast::transfer
