// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/targets.h"

#include <utility>

#include "drill/verdict.h"

namespace holdfast::drill {
namespace {

// Collects them in the order of the columns.
class Judgement {
 public:
  void least(std::string_view name, double wanted, const LedgerCell& cell) {
    if (cell.asked != 0) add({name, wanted, first_try_share(cell), false});
  }
  // The same of what every run must have.
  void least_of_all(std::string_view name, double wanted, const LedgerCell& cell,
                    double (*share)(const LedgerCell& cell)) {
    const auto measured = cell.asked != 0 ? std::optional(share(cell)) : std::nullopt;
    add({name, wanted, measured, false});
  }
  void add(const TargetVerdict& verdict) { all_.push_back(verdict); }
  [[nodiscard]] std::vector<TargetVerdict> take() { return std::move(all_); }

 private:
  std::vector<TargetVerdict> all_;
};

const LedgerCell& kind_of(const HonestVerdict& verdict, ClientKind kind) {
  return verdict.kinds[static_cast<size_t>(kind)];
}

std::optional<double> p99_ratio(const HonestVerdict& verdict) {
  if (verdict.quiet_latency.p99_ns == 0) return std::nullopt;
  return static_cast<double>(verdict.attack_latency.p99_ns) /
         static_cast<double>(verdict.quiet_latency.p99_ns);
}

void judge_others(const Targets& targets, const HonestVerdict& verdict, Judgement& judgement) {
  if (targets.over_tcp) {
    judgement.least("over_tcp", *targets.over_tcp, kind_of(verdict, ClientKind::over_tcp));
  }
  if (targets.other_zones) {
    judgement.least("other_zones", *targets.other_zones, verdict.other_zones);
  }
  if (targets.nonexistent) {
    judgement.least("nonexistent", *targets.nonexistent, verdict.nonexistent);
  }
}

}  // namespace

std::vector<TargetVerdict> judge_targets(const DrillRecord& record, const Verdict& verdict) {
  if (!record.scenario.targets) return {};
  const Targets& targets = *record.scenario.targets;
  const HonestVerdict& honest = verdict.undisturbed;
  Judgement judgement;
  judgement.least_of_all("first_try", targets.first_try, honest.attack, first_try_share);
  if (targets.share_alone) return judgement.take();
  judgement.least_of_all("in_the_end", targets.in_the_end, honest.attack, final_share);
  judgement.least("never_seen", targets.never_seen, kind_of(honest, ClientKind::never_seen));
  judge_others(targets, honest, judgement);
  const auto refused = static_cast<double>(record.counts.refused + record.counts.wrong);
  judgement.add({"refused", 0, refused, true});
  if (!targets.is_attack) {
    judgement.add({"started", 0, verdict.detected_s ? 1.0 : 0.0, true});
    return judgement.take();
  }
  if (const auto ratio = p99_ratio(honest)) {
    judgement.add({"p99_times_quiet", targets.p99_times_quiet, ratio, true});
  }
  judgement.add({"mitigated_s", targets.mitigated_s, honest.mitigated_s, true});
  const bool has_end =
      !record.scenario.phases.empty() && record.scenario.phases.back().role == PhaseRole::after;
  if (has_end) {
    judgement.add({"released_s", targets.released_s, honest.released_s, true});
  }
  return judgement.take();
}

const std::vector<TargetColumn>& target_columns() {
  static const std::vector<TargetColumn> columns{{"first_try", "first try"},
                                                 {"in_the_end", "in the end"},
                                                 {"never_seen", "never seen"},
                                                 {"over_tcp", "over TCP"},
                                                 {"other_zones", "other zones"},
                                                 {"nonexistent", "absent names"},
                                                 {"refused", "refused"},
                                                 {"started", "started"},
                                                 {"p99_times_quiet", "p99 / quiet"},
                                                 {"mitigated_s", "mitigated"},
                                                 {"released_s", "released"}};
  return columns;
}

}  // namespace holdfast::drill
