// SPDX-License-Identifier: GPL-3.0-or-later
// From a scenario's attacks to what is sent when: pure values, made before anything runs.
#pragma once

#include "drill/generator.h"
#include "drill/resolver_population.h"
#include "drill/scenario.h"
#include "drill/zone_set.h"

namespace holdfast::drill {

// A time in which the same attacks run, all at once. In order, without overlap; times without any
// are left out.
struct AttackSegment {
  double start_s = 0;
  double end_s = 0;
  std::vector<size_t> attacks;  // numbers within Scenario::attacks
};

[[nodiscard]] std::vector<AttackSegment> attack_segments(const Scenario& scenario);

// What one generator needs for an attack; not for slow_tcp.
struct AttackFrames {
  GeneratorConfig config;
  QuestionList questions;
  std::vector<Prefix> clients;
};

[[nodiscard]] Result<AttackFrames> attack_frames(const Scenario& scenario, size_t attack,
                                                 const ZoneSet& zones,
                                                 const Population& population);

}  // namespace holdfast::drill
