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
      phase_ends_ns_(std::move(phase_ends_ns)),
      bins_(phase_ends_ns_.back() / bin_ns + 1),
      asked_(phase_ends_ns_.size()),
      late_(phase_ends_ns_.size()),
      times_(phase_ends_ns_.size(), std::vector<uint64_t>(histogram_buckets)) {}

size_t HonestLedger::phase_of(uint64_t first_sent_ns) const {
  const uint64_t since_ns = first_sent_ns > start_ns_ ? first_sent_ns - start_ns_ : 0;
  const auto phase = std::ranges::upper_bound(phase_ends_ns_, since_ns);
  return std::min<size_t>(static_cast<size_t>(phase - phase_ends_ns_.begin()), times_.size() - 1);
}

LedgerCell& HonestLedger::cell(uint32_t resolver, uint32_t question, uint64_t first_sent_ns) {
  const uint64_t since_ns = first_sent_ns > start_ns_ ? first_sent_ns - start_ns_ : 0;
  const size_t bin = std::min<size_t>(since_ns / bin_ns, bins_.size() - 1);
  const QuestionFact fact = questions_[question];
  const auto kind = static_cast<size_t>(population_.resolvers[resolver].kind);
  return bins_[bin][kind][fact.in_attacked_zone ? 1 : 0][fact.exists ? 1 : 0];
}

void HonestLedger::on_asked(uint32_t resolver, uint32_t question, uint64_t due_ns,
                            uint64_t now_ns) {
  ++cell(resolver, question, due_ns).asked;
  const size_t phase = phase_of(due_ns);
  ++asked_[phase];
  if (now_ns > due_ns + late_ns) ++late_[phase];
}

void HonestLedger::on_ended(const ModelOutcome& outcome) {
  if (outcome.end == ModelOutcome::End::given_up) return;
  LedgerCell& found = cell(outcome.resolver, outcome.question, outcome.first_sent_ns);
  ++(outcome.end == ModelOutcome::End::answered_at_once ? found.at_once : found.by_repeat);
  ++times_[phase_of(outcome.first_sent_ns)][histogram_bucket(outcome.time_ns)];
}

}  // namespace holdfast::drill
