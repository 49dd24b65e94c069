// SPDX-License-Identifier: GPL-3.0-or-later
// Where the last entry of each zone stands in the journal: 32 bytes a zone in one table.
//
// Zones are told apart by a hash of 64 bits under a key of this process alone: that two of a
// million zones share one is less likely than 1 in 10^7. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/hash.h"
#include "wire/name.h"

namespace holdfast::zone {

struct JournalChain {
  uint64_t hash = 0;
  uint64_t last = 0;         // offset of the last entry; 0: the zone is not in the journal
  uint64_t state = 0;        // that the last entry leaves
  uint64_t whole_bytes = 0;  // of the last whole entry
};

class JournalIndex {
 public:
  JournalIndex();

  // The zone's slot, made if there is none. Valid until the next call.
  [[nodiscard]] JournalChain& at(wire::NameView apex);
  [[nodiscard]] const JournalChain* find(wire::NameView apex) const;
  // All zones that are in the journal.
  [[nodiscard]] std::vector<JournalChain> chains() const;

 private:
  [[nodiscard]] uint64_t hash_of(wire::NameView apex) const;
  [[nodiscard]] size_t position_of(uint64_t hash) const;
  void grow();

  HashKey key_;
  std::vector<JournalChain> slots_;  // a power of two; hash 0 is free
  size_t used_ = 0;
};

}  // namespace holdfast::zone
