// SPDX-License-Identifier: GPL-3.0-or-later
// The part of the shield's memory that the XDP program reads too: one block, for one map.
//
// It is the beginning of ShieldMemory (shield/shield_memory.h). Who writes what is told by
// source_layout.h. Read by C for the kernel and by C++.
#pragma once

#include "shield/source_layout.h"

#define SHIELD_WORKERS_MAX 256u

struct ShieldSources {
  struct ShieldCommon common;
  struct ShieldOrders orders[SHIELD_WORKERS_MAX];  // by worker
  struct ShieldHistoryLine history[SHIELD_HISTORY_LINES];
};
HOLDFAST_SHIELD_ASSERT(sizeof(struct ShieldSources) == 128 + 256 * 128 + 65536 * 64);
