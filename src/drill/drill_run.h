// SPDX-License-Identifier: GPL-3.0-or-later
// Plays one scenario against one server, within a laboratory, and keeps what happened.
//
// The server runs on the laboratory's server processor; honest resolvers, attack and samples share
// the load's. Returns when all is over, which the scenario's time bounds.
#pragma once

#include "drill/honest_ledger.h"
#include "drill/scenario.h"
#include "drill/server_process.h"
#include "drill/zone_set.h"

namespace holdfast::drill {

struct DrillRequest {
  Scenario scenario;
  ZoneSet zones;
  ServerPlan server;
  uint16_t port = 53;
  uint64_t floor_per_s = 0;  // 0: not measured
};

// Of a quarter of a second.
struct AttackBin {
  uint64_t sent = 0;
  uint64_t missed = 0;      // questions that the generators fell behind with
  uint64_t ring_drops = 0;  // frames, of whomever, that found the server's ring full
  uint64_t answers = 0;     // to the attack
  uint64_t server_ns = 0;   // processor time of the server and of what receives for it
  uint64_t stalled_ns = 0;  // that one of the two processors stood still, if that was watched
};

struct LogLine {
  double at_s = 0;  // to within a bin
  std::string text;
};

struct DrillRecord {
  Scenario scenario;
  std::string server;
  uint64_t floor_per_s = 0;
  HonestTally honest;
  HonestTally undisturbed;  // of `honest`, what was not near a stall; empty if there was none
  std::vector<AttackBin> attack;
  ModelCounts counts;
  std::vector<LogLine> log;     // what the server wrote meanwhile, the first log_lines_max
  bool stalls_watched = false;  // on both processors; see stall_watch.h
  bool server_survived = true;
};

constexpr size_t log_lines_max = 200;

[[nodiscard]] Result<DrillRecord> play_drill(const DrillRequest& request,
                                             const SealedSurroundings& surroundings);

}  // namespace holdfast::drill
