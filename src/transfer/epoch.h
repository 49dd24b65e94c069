// SPDX-License-Identifier: GPL-3.0-or-later
// The thread of transfers as a reader of zone memory.
//
// One at a time: the epoch slot is the thread's (exchange::transfer_reader).
#pragma once

#include "exchange/panel.h"
#include "zone/view.h"

namespace holdfast::transfer {

class Epoch {
 public:
  explicit Epoch(EpochBoard& board) : board_(board) { board_.enter(exchange::transfer_reader); }
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;
  ~Epoch() { board_.leave(exchange::transfer_reader); }

 private:
  EpochBoard& board_;
};

// The zone with exactly this apex. Within an epoch.
[[nodiscard]] inline std::optional<zone::ZoneView> find_zone(const zone::MemoryReader& zones,
                                                             wire::NameView apex) {
  const wire::SuffixHashes hashes(apex, zones.hash_key());
  const auto zone = zones.find_zone(apex, hashes, zone::MemoryReader::Search::at_or_above);
  if (!zone || !(zone->apex() == apex)) return std::nullopt;
  return zone;
}

}  // namespace holdfast::transfer
