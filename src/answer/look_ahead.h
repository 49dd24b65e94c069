// SPDX-License-Identifier: GPL-3.0-or-later
// Looks up the names of a batch of questions together, before any of them is answered.
//
// A look-up is a chain of reads, each of which says where the next one is: table of zones, zone,
// version, table of names, node, then glue or a wildcard. In millions of names each is a read from
// RAM, some 100 ns. Here the chains of a batch go forward in step: each asks for its next memory
// (prefetch) and the others work meanwhile. What is found is exact and is what a look-up by itself
// finds; an answer is the same with and without it.
// Allocates nothing. Thread: the owner's, within its epoch. Bound: size_max questions.
#pragma once

#include <array>
#include <atomic>
#include <span>

#include "wire/query.h"
#include "zone/name_search.h"

namespace holdfast::answer {

class LookAhead {
 public:
  static constexpr size_t size_max = 64;

  // `zones` outlives this and stays as it is from `begin` until the last answer.
  explicit LookAhead(const zone::MemoryReader& zones) : zones_(zones) {}

  // Forgets the batch before.
  void begin();
  // The question at `index` of the batch, if there is something to look up. `query` is the result
  // of parsing it, and outlives the batch.
  void add(size_t index, const wire::Query& query);
  // All look-ups. Before it works on the question at an index it stores the mark of that index in
  // `in_hand`, so that whoever watches knows which it was.
  void run(std::atomic<uint64_t>& in_hand, std::span<const uint64_t> marks);

  // The search for the question's name; null if there was none.
  [[nodiscard]] const zone::NameSearch* at(size_t index) const {
    return slots_[index].query != nullptr ? &slots_[index].search : nullptr;
  }

 private:
  static constexpr size_t further_max = 4;

  struct Slot {
    const wire::Query* query = nullptr;
    // Hashes of names that the answer will want too: of glue, of a wildcard.
    size_t further_count = 0;
    std::array<uint64_t, further_max> further;
    zone::NameSearch search;
  };

  void ask_for_places_of_further(Slot& slot) const;

  const zone::MemoryReader& zones_;
  zone::NameSearch::ZoneSteps zone_steps_ = zone::NameSearch::ZoneSteps::apart;
  size_t count_ = 0;
  std::array<uint8_t, size_max> order_;
  std::array<Slot, size_max> slots_;
};

}  // namespace holdfast::answer
