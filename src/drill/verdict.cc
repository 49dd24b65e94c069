// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/verdict.h"

#include <algorithm>
#include <cmath>

#include "drill/counter_layout.h"
#include "drill/histogram.h"

namespace holdfast::drill {
namespace {

constexpr size_t bins_per_s = 4;
constexpr size_t window_bins = 4;  // goodput is judged by the second
constexpr size_t settling_bins = 4;

// [first, last) of a phase's bins.
struct Span {
  size_t phase = 0;
  PhaseRole role = PhaseRole::quiet;
  size_t first = 0;
  size_t last = 0;
};

std::vector<Span> spans_of(const DrillRecord& record) {
  std::vector<Span> spans;
  double start_s = 0;
  for (size_t phase = 0; phase < record.scenario.phases.size(); ++phase) {
    const Phase& each = record.scenario.phases[phase];
    const auto bin_of = [&](double at_s) {
      return std::min(record.honest.bins.size(),
                      static_cast<size_t>(std::lround(at_s * bins_per_s)));
    };
    spans.push_back({phase, each.role, bin_of(start_s), bin_of(start_s + each.seconds)});
    start_s += each.seconds;
  }
  return spans;
}

void add_bin(const LedgerBin& bin, HonestVerdict& verdict) {
  for (size_t kind = 0; kind < client_kinds; ++kind) {
    for (size_t attacked = 0; attacked < 2; ++attacked) {
      for (size_t exists = 0; exists < 2; ++exists) {
        const LedgerCell& cell = bin[kind][attacked][exists];
        verdict.attack.add(cell);
        verdict.kinds[kind].add(cell);
        (attacked != 0 ? verdict.attacked_zone : verdict.other_zones).add(cell);
        (exists != 0 ? verdict.existing : verdict.nonexistent).add(cell);
      }
    }
  }
}

// Whether goodput in the second that ends with `bin` is well.
bool is_well(const HonestTally& honest, size_t first, size_t bin, double usual) {
  LedgerCell sum;
  const size_t begin = bin + 1 >= window_bins + first ? bin + 1 - window_bins : first;
  for (size_t at = begin; at <= bin; ++at) sum.add(total_of(honest.bins[at]));
  return sum.asked == 0 || first_try_share(sum) >= well_share * usual;
}

// Seconds from `first` until it is well to the end; none if it is not at the end.
std::optional<double> well_after(const HonestTally& honest, size_t first, size_t last,
                                 double usual) {
  size_t well_from = first;
  for (size_t bin = first; bin < last; ++bin) {
    if (!is_well(honest, first, bin, usual)) well_from = bin + 1;
  }
  if (first >= last || well_from >= last) return std::nullopt;
  return static_cast<double>(well_from - first) / bins_per_s;
}

Latency latency_of(const Scenario& scenario, const HonestTally& honest, PhaseRole role) {
  std::vector<uint64_t> times(histogram_buckets);
  uint64_t asked = 0;
  uint64_t answered = 0;
  for (size_t phase = 0; phase < honest.times.size(); ++phase) {
    if (scenario.phases[phase].role != role) continue;
    asked += honest.asked[phase];
    for (size_t bucket = 0; bucket < times.size(); ++bucket) {
      times[bucket] += honest.times[phase][bucket];
      answered += honest.times[phase][bucket];
    }
  }
  const uint64_t lost = asked > answered ? asked - answered : 0;
  return {histogram_quantile_ns(times, 0.5, lost, lost_ns),
          histogram_quantile_ns(times, 0.99, lost, lost_ns)};
}

double busy_share(const DrillRecord& record, size_t first, size_t last) {
  uint64_t time_ns = 0;
  size_t bins = 0;
  for (size_t bin = first; bin < std::min(last, record.attack.size()); ++bin, ++bins) {
    time_ns += record.attack[bin].server_ns;
  }
  return bins == 0 ? 0 : static_cast<double>(time_ns) / static_cast<double>(bins * bin_ns);
}

void add_sent(const DrillRecord& record, const Span& span, AttackBin& sum) {
  for (size_t bin = span.first; bin < std::min(span.last, record.attack.size()); ++bin) {
    const AttackBin& each = record.attack[bin];
    sum.sent += each.sent;
    sum.missed += each.missed;
    sum.ring_drops += each.ring_drops;
    sum.answers += each.answers;
    sum.server_ns += each.server_ns;
    sum.stalled_ns += each.stalled_ns;
  }
}

double late_share_of(const DrillRecord& record) {
  uint64_t asked = 0;
  uint64_t late = 0;
  for (size_t phase = 0; phase < record.honest.late.size(); ++phase) {
    if (record.scenario.phases[phase].role != PhaseRole::attack) continue;
    asked += record.honest.asked[phase];
    late += record.honest.late[phase];
  }
  return asked == 0 ? 0 : static_cast<double>(late) / static_cast<double>(asked);
}

std::optional<double> detected_after(const DrillRecord& record, double start_s, double end_s) {
  for (const LogLine& line : record.log) {
    if (line.at_s < start_s || line.at_s > end_s) continue;
    for (const char* word : {"attack", "overload"}) {
      if (line.text.find(word) != std::string::npos) return line.at_s - start_s;
    }
  }
  return std::nullopt;
}

bool is_attack(const Span& span) { return span.role == PhaseRole::attack; }

// What follows from where the attack begins and ends.
void judge_times(const HonestTally& honest, const std::vector<Span>& spans,
                 HonestVerdict& verdict) {
  const auto first = std::ranges::find_if(spans, is_attack);
  if (first == spans.end()) return;
  const auto last = std::find_if(spans.rbegin(), spans.rend(), is_attack);
  const double usual = first_try_share(verdict.quiet);
  verdict.mitigated_s = well_after(honest, first->first, last->last, usual);
  const size_t end = spans.back().last;
  if (last->last < end) verdict.released_s = well_after(honest, last->last, end, usual);
}

void judge_honest(const Scenario& scenario, const HonestTally& honest,
                  const std::vector<Span>& spans, HonestVerdict& verdict) {
  for (const Span& span : spans) {
    for (size_t bin = span.first; bin < span.last; ++bin) {
      const LedgerCell total = total_of(honest.bins[bin]);
      if (span.role == PhaseRole::quiet && bin >= settling_bins) verdict.quiet.add(total);
      if (span.role == PhaseRole::after) verdict.after.add(total);
      if (span.role == PhaseRole::attack) add_bin(honest.bins[bin], verdict);
    }
  }
  verdict.quiet_latency = latency_of(scenario, honest, PhaseRole::quiet);
  verdict.attack_latency = latency_of(scenario, honest, PhaseRole::attack);
  judge_times(honest, spans, verdict);
}

void judge_attack(const DrillRecord& record, const std::vector<Span>& spans, Verdict& verdict) {
  size_t attack_bins = 0;
  for (const Span& span : spans) {
    if (!is_attack(span)) continue;
    attack_bins += span.last - span.first;
    add_sent(record, span, verdict.sent);
  }
  const uint64_t ordered = verdict.sent.sent + verdict.sent.missed;
  if (ordered != 0) {
    verdict.missed_share = static_cast<double>(verdict.sent.missed) / static_cast<double>(ordered);
  }
  verdict.attack_s = static_cast<double>(attack_bins) / bins_per_s;
  if (attack_bins == 0) return;
  const auto attack_ns = static_cast<double>(attack_bins * bin_ns);
  verdict.attack_busy = static_cast<double>(verdict.sent.server_ns) / attack_ns;
  if (record.stalls_watched) {
    verdict.stalled_share = static_cast<double>(verdict.sent.stalled_ns) / attack_ns;
  }
  const auto first = std::ranges::find_if(spans, is_attack);
  const auto last = std::find_if(spans.rbegin(), spans.rend(), is_attack);
  verdict.detected_s = detected_after(record, static_cast<double>(first->first) / bins_per_s,
                                      static_cast<double>(last->last) / bins_per_s);
}

}  // namespace

double first_try_share(const LedgerCell& cell) {
  return cell.asked == 0 ? 1 : static_cast<double>(cell.at_once) / static_cast<double>(cell.asked);
}

double final_share(const LedgerCell& cell) {
  return cell.asked == 0
             ? 1
             : static_cast<double>(cell.at_once + cell.by_repeat) / static_cast<double>(cell.asked);
}

bool is_disturbed(const Verdict& verdict) {
  const auto undisturbed = static_cast<double>(verdict.undisturbed.attack.asked);
  return verdict.missed_share > missed_share_max || verdict.late_share > late_share_max ||
         undisturbed < undisturbed_share_min * static_cast<double>(verdict.attack.asked);
}

bool has_passed(const Verdict& verdict) {
  const LedgerCell& attack = verdict.undisturbed.attack;
  return !is_disturbed(verdict) && attack.asked != 0 &&
         first_try_share(attack) >= first_try_target && final_share(attack) >= final_target;
}

LedgerCell total_of(const LedgerBin& bin) {
  LedgerCell sum;
  for (const auto& kind : bin) {
    for (const auto& zone : kind) {
      for (const LedgerCell& cell : zone) sum.add(cell);
    }
  }
  return sum;
}

Verdict judge(const DrillRecord& record) {
  Verdict verdict;
  const std::vector<Span> spans = spans_of(record);
  judge_honest(record.scenario, record.honest, spans, verdict);
  const bool has_stalls = !record.undisturbed.bins.empty();
  judge_honest(record.scenario, has_stalls ? record.undisturbed : record.honest, spans,
               verdict.undisturbed);
  judge_attack(record, spans, verdict);
  verdict.late_share = late_share_of(record);
  if (!spans.empty() && spans.front().role == PhaseRole::quiet) {
    verdict.quiet_busy = busy_share(record, settling_bins, spans.front().last);
  }
  return verdict;
}

}  // namespace holdfast::drill
