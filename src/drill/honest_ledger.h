// SPDX-License-Identifier: GPL-3.0-or-later
// What became of the honest questions: by quarter of a second, kind of client, and question.
//
// A question counts in the bin in which it was first asked, whenever it is answered. Bound: what
// the longest scenario has of bins. One thread while it is written; read when that is over.
#pragma once

#include <array>
#include <vector>

#include "drill/resolver_model.h"

namespace holdfast::drill {

constexpr uint64_t bin_ns = 250'000'000;
// More than a resolver that has a processor to itself ever waits for it.
constexpr uint64_t late_ns = 2'000'000;

struct QuestionFact {
  bool exists = true;
  bool in_attacked_zone = false;
};

struct LedgerCell {
  uint64_t asked = 0;
  uint64_t at_once = 0;
  uint64_t by_repeat = 0;

  void add(const LedgerCell& other);
};

// A bin: for each kind of client, whether the zone is the attacked one, whether the name exists.
using LedgerBin = std::array<std::array<std::array<LedgerCell, 2>, 2>, client_kinds>;

class HonestLedger final : public ModelObserver {
 public:
  // `phase_ends_ns` since `start_ns`, rising; the last is the end of all.
  HonestLedger(const Population& population, std::vector<QuestionFact> questions, uint64_t start_ns,
               std::vector<uint64_t> phase_ends_ns);

  void on_asked(uint32_t resolver, uint32_t question, uint64_t due_ns, uint64_t now_ns) override;
  void on_ended(const ModelOutcome& outcome) override;

  [[nodiscard]] const std::vector<LedgerBin>& bins() const { return bins_; }
  // First asked in the phase.
  [[nodiscard]] uint64_t asked(size_t phase) const { return asked_[phase]; }
  // Of these, such as were asked more than late_ns after they were due.
  [[nodiscard]] uint64_t late(size_t phase) const { return late_[phase]; }
  // Of those that were answered, in buckets as counter_layout.h has.
  [[nodiscard]] const std::vector<uint64_t>& times(size_t phase) const { return times_[phase]; }

 private:
  [[nodiscard]] size_t phase_of(uint64_t first_sent_ns) const;
  LedgerCell& cell(uint32_t resolver, uint32_t question, uint64_t first_sent_ns);

  const Population& population_;
  std::vector<QuestionFact> questions_;
  uint64_t start_ns_;
  std::vector<uint64_t> phase_ends_ns_;
  std::vector<LedgerBin> bins_;
  std::vector<uint64_t> asked_;
  std::vector<uint64_t> late_;
  std::vector<std::vector<uint64_t>> times_;
};

}  // namespace holdfast::drill
