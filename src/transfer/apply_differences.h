// SPDX-License-Identifier: GPL-3.0-or-later
// Differences applied to a zone's draft: the next version.
//
// Strict: what is removed must be there, what is added must not. Otherwise the two sides do not
// agree on the version, and the whole zone has to be transferred. The cost is that of the
// differences.
#pragma once

#include <functional>
#include <span>

#include "base/error.h"
#include "transfer/record_list.h"
#include "zone/draft.h"

namespace holdfast::transfer {

// Records that are passed over; null: none.
using PassesOver = std::function<bool(const ZoneRecord&)>;

// After an error the draft is good for nothing.
[[nodiscard]] Result<void> apply_differences(zone::Draft& draft,
                                             std::span<const Difference> differences,
                                             const PassesOver& passes_over = {});

// Whether two records are one to DNS, whatever the case of names in them.
[[nodiscard]] bool is_same_rdata(uint16_t type, Bytes a, Bytes b);

}  // namespace holdfast::transfer
