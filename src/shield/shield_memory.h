// SPDX-License-Identifier: GPL-3.0-or-later
// The shield's memory that the processes share: what is known of sources and zones, and orders.
//
// Made by the supervisor before it forks, with the key; each field says who writes it. All numbers
// are relaxed atomic words, so that a process that dies at any instruction leaves the rest working.
// Fixed: 12 MiB for all and some 1.3 MiB a worker, of which what is never touched costs nothing.
#pragma once

#include <array>
#include <cstddef>

#include "shield/account_table.h"
#include "shield/familiar_names.h"
#include "shield/source_block.h"
#include "shield/trusted_buckets.h"
#include "shield/zone_watch.h"

namespace holdfast::shield {

constexpr size_t shield_workers_max = SHIELD_WORKERS_MAX;

// Written by the worker; all but buckets and names read by control.
struct ShieldWorkerTables {
  ShieldRateTable rates;
  ZoneWatchTable zones;
  AccountWatchTable accounts;
  TrustedBuckets buckets;
  FamiliarNames names;
};

// The XDP program may share the base (shield/program_memory.h), which is why it has pages of its
// own.
struct ShieldMemory : ShieldSources {
  ShieldMemory() {}                     // NOLINT: begins zeroed, and what is not touched stays so
  alignas(4096) AccountTable accounts;  // written by control
  alignas(4096) std::array<ShieldWorkerTables, shield_workers_max> workers;
};
static_assert(alignof(ShieldMemory) == 4096);
static_assert(sizeof(ShieldHistoryLine) * SHIELD_HISTORY_LINES + sizeof(AccountTable) +
                      32 * sizeof(ShieldWorkerTables) <=
                  size_t{64} << 20,
              "64 MiB hold the shield of 32 workers");

}  // namespace holdfast::shield
