// SPDX-License-Identifier: GPL-3.0-or-later
// What a scenario demands of the server under drill, and whether a run has met it.
//
// All is judged by honest questions that were not near a stall (stall_watch.h), shares by those of
// them that were first asked during the attack. A target for what did not occur (no such client, no
// phase before or behind the attack) is no target; but a run that asked nothing at all misses its
// shares. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace holdfast::drill {

struct DrillRecord;
struct Verdict;

struct Targets {
  double first_try = 0.99;
  double in_the_end = 0.999;
  double never_seen = 0.95;                // first-try share of resolvers never seen before
  std::optional<double> over_tcp = {};     // of those that ask over TCP only
  std::optional<double> other_zones = {};  // for zones that the attack is not aimed at
  std::optional<double> nonexistent = {};  // for names that do not exist
  double p99_times_quiet = 3;              // at most
  double mitigated_s = 1;                  // at most
  double released_s = 60;                  // at most
  bool is_attack = true;                   // false: no mitigation may be started
  bool share_alone = false;                // nothing but `first_try` counts
};

// Of a server that sheds at its sockets: a share alone.
inline constexpr double over_sockets_first_try = 0.9;
// Beyond this share of the floor nothing is asked of anybody.
inline constexpr double of_floor_most = 0.8;

struct TargetVerdict {
  std::string_view name;  // as in the JSON
  double wanted = 0;
  std::optional<double> measured = {};  // none: it did not happen
  bool is_most = false;                 // wanted is the most that is good, not the least
  [[nodiscard]] bool met() const {
    return measured && (is_most ? *measured <= wanted : *measured >= wanted);
  }
};

// In the order in which tables show them; nothing if the scenario has no targets.
[[nodiscard]] std::vector<TargetVerdict> judge_targets(const DrillRecord& record,
                                                       const Verdict& verdict);

// Of targets of these names, in that order.
struct TargetColumn {
  std::string_view name;
  std::string_view title;
};
[[nodiscard]] const std::vector<TargetColumn>& target_columns();

}  // namespace holdfast::drill
