// SPDX-License-Identifier: GPL-3.0-or-later
// Parses zone files on several threads and hands the results to one.
//
// Bound: results_waiting_max parsed zones wait for the taker; parsers stop until it has taken some.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <span>

#include "config/zone_list.h"
#include "zone/loader.h"

namespace holdfast::control {

// A zone to be read; of a million, so it refers to the list that asks for it.
struct ParseJob {
  const config::ZoneSource* source = nullptr;
  uint64_t fingerprint_salt = 0;  // for what else the zone depends on
};

struct ParseResult {
  size_t job = 0;  // index of its job
  // Of all files read, as they were when reading began; 0 if they changed meanwhile.
  uint64_t fingerprint = 0;
  zone::LoadOutcome outcome;
};

struct ParseSettings {
  zone::LoadOptions load;
  uint64_t fingerprint_salt = 0;  // of these settings
  unsigned threads = 1;
};

// Zones of ordinary size keep the taker busy with far fewer; large ones must not pile up.
constexpr size_t results_waiting_max = 64;

// Calls `take` on this thread for each job, in the order in which they are done. Returns early when
// `stop` becomes true.
void parse_zones(std::span<const ParseJob> jobs, const ParseSettings& settings,
                 const std::atomic<bool>& stop, const std::function<void(ParseResult)>& take);

}  // namespace holdfast::control
