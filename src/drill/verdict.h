// SPDX-License-Identifier: GPL-3.0-or-later
// What a drill's record says: how much of the honest questions was answered, for whom, how fast,
// and how soon things were well again.
//
// Pure; a question counts where it was first asked.
#pragma once

#include <array>
#include <optional>

#include "drill/drill_run.h"

namespace holdfast::drill {

constexpr uint64_t lost_ns = 2'000'000'000;  // what a question that never was answered counts as

// What share of the usual goodput is well.
constexpr double well_share = 0.95;

// What a run is believed up to: of what was to be sent, and of the honest questions. Beyond it
// something else used the processors.
constexpr double missed_share_max = 0.01;
constexpr double late_share_max = 0.01;
// And down to: of the honest questions, those that were not near a stall.
constexpr double undisturbed_share_min = 0.5;

// What passes of the undisturbed questions, if the run was not disturbed.
constexpr double first_try_target = 0.99;
constexpr double final_target = 0.999;

struct Latency {
  uint64_t p50_ns = 0;
  uint64_t p99_ns = 0;
};

struct HonestVerdict {
  LedgerCell quiet;   // in the phases before the attack, but for their first second
  LedgerCell attack;  // in the phases of the attack
  LedgerCell after;
  // Of the attack's phases:
  std::array<LedgerCell, client_kinds> kinds;
  LedgerCell attacked_zone;
  LedgerCell other_zones;
  LedgerCell existing;
  LedgerCell nonexistent;
  Latency quiet_latency;
  Latency attack_latency;
  // Seconds since the attack's begin, or its last end; none if it did not happen.
  std::optional<double> mitigated_s;  // from then on goodput was well; 0: it always was
  std::optional<double> released_s;   // the same after the end
};

// By all honest questions; and by those that were not near a stall (stall_watch.h), for which the
// server alone is to blame.
struct Verdict : HonestVerdict {
  HonestVerdict undisturbed;
  AttackBin sent;           // all bins of the attack's phases together
  double attack_s = 0;      // how long these are
  double missed_share = 0;  // of what the attack was to send, what its generators fell behind with
  double late_share = 0;    // of honest questions during the attack; as HonestLedger::late
  double quiet_busy = 0;    // the server's processor, as a share
  double attack_busy = 0;
  // Of the attack's time, that one of the two processors stood still; none if nobody watched.
  std::optional<double> stalled_share;
  // Seconds since the attack's begin until the server's log spoke of an attack or an overload.
  std::optional<double> detected_s;
};

// 1 if nothing was asked.
[[nodiscard]] double first_try_share(const LedgerCell& cell);
[[nodiscard]] double final_share(const LedgerCell& cell);

// Whether the load was not what the scenario says, so that the verdict says little of the server.
[[nodiscard]] bool is_disturbed(const Verdict& verdict);
[[nodiscard]] bool has_passed(const Verdict& verdict);

[[nodiscard]] Verdict judge(const DrillRecord& record);

// Of a bin, all kinds, zones and names together.
[[nodiscard]] LedgerCell total_of(const LedgerBin& bin);

}  // namespace holdfast::drill
