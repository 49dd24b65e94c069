// SPDX-License-Identifier: GPL-3.0-or-later
// What became of the honest questions: by quarter of a second, kind of client, and question.
//
// A question counts in the bin in which it was first asked, whenever it is answered. Bound: what
// the longest scenario has of bins, and of questions. One thread while it is written; read when
// that is over.
#pragma once

#include <array>
#include <deque>
#include <functional>
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

struct HonestTally {
  std::vector<LedgerBin> bins;
  // By phase: first asked in it; of these, such as were asked more than late_ns after they were
  // due; the times of those that were answered, in buckets as counter_layout.h has.
  std::vector<uint64_t> asked;
  std::vector<uint64_t> late;
  std::vector<std::vector<uint64_t>> times;
  // By bin: the times of those that were answered at once, without those that were asked again.
  std::vector<std::vector<uint64_t>> times_at_once;
};

class HonestLedger final : public ModelObserver {
 public:
  // `phase_ends_ns` since `start_ns`, rising; the last is the end of all.
  HonestLedger(const Population& population, std::vector<QuestionFact> questions, uint64_t start_ns,
               std::vector<uint64_t> phase_ends_ns);

  void on_asked(uint32_t resolver, uint32_t question, uint64_t due_ns, uint64_t now_ns) override;
  void on_ended(const ModelOutcome& outcome) override;

  // Of all questions, or of those whose first sending (monotonic) `counts` is true of.
  [[nodiscard]] HonestTally tally() const;
  [[nodiscard]] HonestTally tally(const std::function<bool(uint64_t first_sent_ns)>& counts) const;

 private:
  enum class Event : uint8_t { asked, asked_late, answered_at_once, answered_by_repeat };
  struct Entry {
    uint64_t first_sent_ns = 0;
    uint64_t time_ns = 0;  // of an answer
    uint32_t resolver = 0;
    uint32_t question = 0;
    Event event = Event::asked;
  };

  [[nodiscard]] size_t phase_of(uint64_t first_sent_ns) const;
  void count(const Entry& entry, HonestTally& tally) const;

  const Population& population_;
  std::vector<QuestionFact> questions_;
  uint64_t start_ns_;
  std::vector<uint64_t> phase_ends_ns_;
  std::deque<Entry> entries_;  // never moved: whoever asks is not to be kept waiting
};

}  // namespace holdfast::drill
