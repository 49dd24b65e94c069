// SPDX-License-Identifier: GPL-3.0-or-later
// What the answer processes have seen of each zone that they watch, put together for operators.
//
// Rates are added up; numbers of different names are those of the process that has seen most, as
// what several have seen may be the same. The metrics name no zone in quiet times, and under attack
// a bounded number of them. Reads shared memory. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "control/metrics_text.h"
#include "shield/shield_memory.h"

namespace holdfast::control {

struct ShieldZone {
  std::string name;  // "." also if it is too long to be kept
  // A second, by the last full window.
  uint64_t asked = 0;
  uint64_t absent = 0;
  uint64_t usual_asked = 0;
  uint64_t usual_absent = 0;
  // Different ones that exist, in a window.
  uint64_t names = 0;
  uint64_t usual_names = 0;
  uint64_t shed = 0;
  bool attacked = false;
  bool hot = false;
  bool many_names = false;

  // Something is judged unusual of it.
  [[nodiscard]] bool is_told() const { return attacked || hot || many_names; }
};

// So many have a label in the metrics: of those that are told, the most asked for.
constexpr size_t labelled_shield_zones_max = 20;

// All that are watched, by what is asked of them.
[[nodiscard]] std::vector<ShieldZone> shield_zones(const shield::ShieldMemory& memory,
                                                   uint64_t now_ms);
void add_shield_zone_metrics(MetricsText& text, const shield::ShieldMemory& memory,
                             uint64_t now_ms);

}  // namespace holdfast::control
