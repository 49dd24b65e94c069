// SPDX-License-Identifier: GPL-3.0-or-later
// Sorts the runs of a zone by owner into canonical order (RFC 4034 §6.1).
//
// Runs with equal owners keep the order in which they were staged. Where only few stand out of
// order, those alone are sorted and then put in their places. Otherwise works on eight bytes of
// each name at a time, so that names are read once a level instead of once a comparison. Takes 12
// bytes a run while it works.
#pragma once

#include <vector>

#include "zone/staging.h"

namespace holdfast::zone {

// `runs` are those of `staging`, all and as they came.
void sort_by_owner(const Staging& staging, std::vector<Staging::Run>& runs);

}  // namespace holdfast::zone
