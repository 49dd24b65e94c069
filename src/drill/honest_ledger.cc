// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/honest_ledger.h"

#include <algorithm>

#include "drill/counter_layout.h"

namespace holdfast::drill {

void LedgerCell::add(const LedgerCell& other) {
  asked += other.asked;
  at_once += other.at_once;
  by_repeat += other.by_repeat;
}

HonestLedger::HonestLedger(const Population& population, std::vector<QuestionFact> questions,
                           uint64_t start_ns, std::vector<uint64_t> phase_ends_ns)
    : population_(population),
      questions_(std::move(questions)),
      start_ns_(start_ns),
      phase_ends_ns_(std::move(phase_ends_ns)) {}

size_t HonestLedger::phase_of(uint64_t first_sent_ns) const {
  const uint64_t since_ns = first_sent_ns > start_ns_ ? first_sent_ns - start_ns_ : 0;
  const auto phase = std::ranges::upper_bound(phase_ends_ns_, since_ns);
  const auto index = static_cast<size_t>(phase - phase_ends_ns_.begin());
  return std::min<size_t>(index, phase_ends_ns_.size() - 1);
}

void HonestLedger::on_asked(uint32_t resolver, uint32_t question, uint64_t due_ns,
                            uint64_t now_ns) {
  const Event event = now_ns > due_ns + late_ns ? Event::asked_late : Event::asked;
  entries_.push_back({due_ns, 0, resolver, question, event});
}

void HonestLedger::on_ended(const ModelOutcome& outcome) {
  if (outcome.end == ModelOutcome::End::given_up) return;
  const bool is_at_once = outcome.end == ModelOutcome::End::answered_at_once;
  entries_.push_back({outcome.first_sent_ns, outcome.time_ns, outcome.resolver, outcome.question,
                      is_at_once ? Event::answered_at_once : Event::answered_by_repeat});
}

void HonestLedger::count(const Entry& entry, HonestTally& tally) const {
  const uint64_t since_ns = entry.first_sent_ns > start_ns_ ? entry.first_sent_ns - start_ns_ : 0;
  const size_t bin = std::min<size_t>(since_ns / bin_ns, tally.bins.size() - 1);
  const size_t phase = phase_of(entry.first_sent_ns);
  const QuestionFact fact = questions_[entry.question];
  const auto kind = static_cast<size_t>(population_.resolvers[entry.resolver].kind);
  LedgerCell& cell = tally.bins[bin][kind][fact.in_attacked_zone ? 1 : 0][fact.exists ? 1 : 0];
  switch (entry.event) {
    case Event::asked_late:
      ++tally.late[phase];
      [[fallthrough]];
    case Event::asked:
      ++cell.asked;
      ++tally.asked[phase];
      return;
    case Event::answered_at_once:
      ++cell.at_once;
      ++tally.times_at_once[bin][histogram_bucket(entry.time_ns)];
      break;
    case Event::answered_by_repeat:
      ++cell.by_repeat;
      break;
  }
  ++tally.times[phase][histogram_bucket(entry.time_ns)];
}

HonestTally HonestLedger::tally() const {
  return tally([](uint64_t) { return true; });
}

HonestTally HonestLedger::tally(const std::function<bool(uint64_t)>& counts) const {
  HonestTally tally;
  const size_t phases = phase_ends_ns_.size();
  tally.bins.resize(phase_ends_ns_.back() / bin_ns + 1);
  tally.asked.resize(phases);
  tally.late.resize(phases);
  tally.times.assign(phases, std::vector<uint64_t>(histogram_buckets));
  tally.times_at_once.assign(tally.bins.size(), std::vector<uint64_t>(histogram_buckets));
  for (const Entry& entry : entries_) {
    if (counts(entry.first_sent_ns)) count(entry, tally);
  }
  return tally;
}

}  // namespace holdfast::drill
