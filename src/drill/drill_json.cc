// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/drill_json.h"

#include <cmath>
#include <numeric>

#include "drill/counter_layout.h"
#include "drill/histogram.h"

namespace holdfast::drill {
namespace {

constexpr const char* kind_names[client_kinds] = {"shared",      "never_seen",   "over_tcp",
                                                  "without_tcp", "with_cookies", "known"};
// Five times what the slowest hundredth takes in quiet times.
constexpr uint64_t slow_ns = 1'000'000;
constexpr const char* role_names[] = {"quiet", "attack", "after"};

double rounded(double value) { return std::round(value * 1e5) / 1e5; }

boost::json::object cell_object(const LedgerCell& cell) {
  return {{"asked", cell.asked},
          {"first_try", rounded(first_try_share(cell))},
          {"after_retries", rounded(final_share(cell))}};
}

boost::json::object latency_object(const Latency& latency) {
  return {{"p50", static_cast<double>(latency.p50_ns) / 1000},
          {"p99", static_cast<double>(latency.p99_ns) / 1000}};
}

boost::json::value optional_value(const std::optional<double>& value) {
  if (!value) return nullptr;
  return *value;
}

boost::json::array targets_array(const DrillRecord& record, const Verdict& verdict) {
  boost::json::array targets;
  for (const TargetVerdict& target : judge_targets(record, verdict)) {
    targets.push_back({{"name", target.name},
                       {target.is_most ? "most" : "least", target.wanted},
                       {"measured", optional_value(target.measured)},
                       {"met", target.met()}});
  }
  return targets;
}

// By these questions or those.
boost::json::object honest_object(const HonestVerdict& verdict) {
  boost::json::object kinds;
  for (size_t kind = 0; kind < client_kinds; ++kind) {
    if (verdict.kinds[kind].asked != 0) kinds[kind_names[kind]] = cell_object(verdict.kinds[kind]);
  }
  return {{"quiet", cell_object(verdict.quiet)},
          {"attack", cell_object(verdict.attack)},
          {"after", cell_object(verdict.after)},
          {"kinds", std::move(kinds)},
          {"zones",
           {{"attacked", cell_object(verdict.attacked_zone)},
            {"others", cell_object(verdict.other_zones)}}},
          {"names",
           {{"existing", cell_object(verdict.existing)},
            {"nonexistent", cell_object(verdict.nonexistent)}}},
          {"latency_us",
           {{"quiet", latency_object(verdict.quiet_latency)},
            {"attack", latency_object(verdict.attack_latency)}}},
          {"mitigated_s", optional_value(verdict.mitigated_s)},
          {"released_s", optional_value(verdict.released_s)}};
}

boost::json::value stalled_value(const Verdict& verdict) {
  if (!verdict.stalled_share) return nullptr;
  return rounded(*verdict.stalled_share);
}

boost::json::object verdict_object(const Verdict& verdict, const DrillRecord& record) {
  const double seconds = verdict.attack_s > 0 ? verdict.attack_s : 1;
  boost::json::object attack{
      {"sent_per_s", std::round(static_cast<double>(verdict.sent.sent) / seconds)},
      {"missed_per_s", std::round(static_cast<double>(verdict.sent.missed) / seconds)},
      {"missed_share", rounded(verdict.missed_share)},
      {"ring_drops_per_s", std::round(static_cast<double>(verdict.sent.ring_drops) / seconds)},
      {"answers_per_s", std::round(static_cast<double>(verdict.sent.answers) / seconds)}};
  boost::json::object all = honest_object(verdict);
  const boost::json::object rest{
      {"undisturbed", honest_object(verdict.undisturbed)},
      {"stalled_share", stalled_value(verdict)},
      {"hostile", std::move(attack)},
      {"late_share", rounded(verdict.late_share)},
      {"disturbed", is_disturbed(verdict)},
      {"passed", has_passed(verdict)},
      {"targets", targets_array(record, verdict)},
      {"busy", {{"quiet", rounded(verdict.quiet_busy)}, {"attack", rounded(verdict.attack_busy)}}},
      {"detected_s", optional_value(verdict.detected_s)},
      {"wrong_answers", record.counts.wrong},
      {"refused", record.counts.refused},
      {"truncated", record.counts.truncated},
      {"bad_cookie", record.counts.bad_cookie},
      {"not_asked", record.counts.not_asked}};
  all.insert(rest.begin(), rest.end());
  return all;
}

// A question that waits in a queue is slow; one that is lost is asked again. Which it is, these
// tell of those that no stall was near and that were answered at once.
void add_waits(const DrillRecord& record, boost::json::object& bins) {
  const HonestTally& honest = record.undisturbed.bins.empty() ? record.honest : record.undisturbed;
  boost::json::array undisturbed;
  boost::json::array slow;
  boost::json::array p99;
  for (size_t bin = 0; bin < record.attack.size() && bin < honest.times_at_once.size(); ++bin) {
    const std::span<const uint64_t> times(honest.times_at_once[bin]);
    const std::span<const uint64_t> late = times.subspan(histogram_bucket(slow_ns) + 1);
    undisturbed.push_back(total_of(honest.bins[bin]).asked);
    slow.push_back(std::accumulate(late.begin(), late.end(), uint64_t{0}));
    p99.push_back(static_cast<double>(histogram_quantile_ns(times, 0.99, 0, lost_ns)) / 1000);
  }
  bins["undisturbed"] = std::move(undisturbed);
  bins["slow"] = std::move(slow);
  bins["p99_us"] = std::move(p99);
}

boost::json::object bins_object(const DrillRecord& record) {
  boost::json::array asked;
  boost::json::array at_once;
  boost::json::array answered;
  boost::json::array sent;
  boost::json::array ring_drops;
  boost::json::array answers;
  boost::json::array busy;
  boost::json::array stalled;
  for (size_t bin = 0; bin < record.attack.size() && bin < record.honest.bins.size(); ++bin) {
    const LedgerCell cell = total_of(record.honest.bins[bin]);
    asked.push_back(cell.asked);
    at_once.push_back(cell.at_once);
    answered.push_back(cell.at_once + cell.by_repeat);
    const AttackBin& attack = record.attack[bin];
    sent.push_back(attack.sent);
    ring_drops.push_back(attack.ring_drops);
    answers.push_back(attack.answers);
    busy.push_back(rounded(static_cast<double>(attack.server_ns) / bin_ns));
    stalled.push_back(rounded(static_cast<double>(attack.stalled_ns) / bin_ns));
  }
  boost::json::object bins{{"seconds", static_cast<double>(bin_ns) / 1e9},
                           {"asked", std::move(asked)},
                           {"at_once", std::move(at_once)},
                           {"answered", std::move(answered)},
                           {"sent", std::move(sent)},
                           {"ring_drops", std::move(ring_drops)},
                           {"answers", std::move(answers)},
                           {"busy", std::move(busy)},
                           {"stalled", std::move(stalled)}};
  add_waits(record, bins);
  return bins;
}

}  // namespace

boost::json::object to_json(const DrillRecord& record, const Verdict& verdict) {
  boost::json::array phases;
  for (const Phase& phase : record.scenario.phases) {
    phases.push_back({{"name", phase.name},
                      {"role", role_names[static_cast<size_t>(phase.role)]},
                      {"seconds", phase.seconds},
                      {"demand", phase.demand}});
  }
  boost::json::array log;
  for (const LogLine& line : record.log) log.push_back({{"at_s", line.at_s}, {"text", line.text}});
  return {{"scenario", record.scenario.name},
          {"about", record.scenario.about},
          {"server", record.server},
          {"floor_per_s", record.floor_per_s},
          {"server_survived", record.server_survived},
          {"honest_per_s", record.scenario.honest.rate_per_s},
          {"phases", std::move(phases)},
          {"verdict", verdict_object(verdict, record)},
          {"bins", bins_object(record)},
          {"log", std::move(log)}};
}

}  // namespace holdfast::drill
