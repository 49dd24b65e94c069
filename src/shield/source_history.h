// SPDX-License-Identifier: GPL-3.0-or-later
// Who asks in quiet times: a source that has been seen in several distinct slots of time is known.
//
// Only hashes are kept (source_layout.h). Learns when it is told to, which the caller does in quiet
// times alone, so that a flood teaches nothing; what a TCP connection proves is noted at any time.
// A source's rate can rise at most eightfold in a slot. What comes in its name from another
// distance raises nothing; another distance is taken over when two slots in turn begin with one and
// nothing has come from the usual one between, so nobody takes a source's place by asking first. A
// newcomer displaces only newcomers and who has not been seen for a long time.
// The lines lie in memory that all workers share and write without locks; an update that two lose
// to each other is made by the next question. Fixed size; never allocates. `expire` is
// control's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "shield/source_layout.h"

namespace holdfast::shield {

// A question as far as the history is concerned.
struct Sighting {
  __u64 hash = 0;     // of its source
  uint8_t hop = 0;    // TTL or hop limit as it arrived; 0: not told
  uint32_t rate = 0;  // questions of the source from this distance in the last second
};

class SourceHistory {
 public:
  // Entries not seen for so many slots go. The slot's number is kept modulo 256.
  static constexpr uint32_t slots_kept_max = 200;
  // In one slot a rate rises eightfold at most: a source cannot buy itself a great allowance by one
  // burst before an attack.
  static constexpr __u64 raises_a_slot_max = 3;

  explicit SourceHistory(std::span<ShieldHistoryLine, SHIELD_HISTORY_LINES> lines)
      : lines_(lines) {}

  void prefetch(__u64 hash) const { __builtin_prefetch(&lines_[shield_line_of(hash)]); }
  // Its entry; 0: never seen.
  [[nodiscard]] __u64 find(__u64 hash) const {
    return shield_find(&lines_[shield_line_of(hash)], shield_tag_of(hash));
  }

  // The same, for those who are nearly always there.
  [[nodiscard]] __u64 find_first(__u64 hash) const {
    const __u32 tag = shield_tag_of(hash);
    for (const __u64& place : lines_[shield_line_of(hash)].entries) {
      const __u64 entry = SHIELD_LOAD(&place);
      if (shield_tag(entry) == tag) return entry;
    }
    return 0;
  }

  // `entry` is what was found of it.
  void learn(const Sighting& sighting, __u64 entry, uint32_t slot) {
    if (!says_nothing_new(entry, sighting, slot)) enter(sighting, slot);
  }
  void learn(const Sighting& sighting, uint32_t slot) {
    learn(sighting, find_first(sighting.hash), slot);
  }
  // It has completed a TCP connection, which nobody can forge.
  void prove(const Sighting& sighting, uint32_t slot);
  // The operator's word: SHIELD_FLAG_ALLOWED or _DENIED, or 0 for neither.
  void set_operator_flag(__u64 hash, __u64 flag, uint32_t slot);

  // Removes what has not been seen for `slots_kept` slots, from one of so many parts of the table;
  // each is to have its turn at least every fifty slots.
  static constexpr uint32_t parts = 32;
  size_t expire_part(uint32_t part, uint32_t slot, uint32_t slots_kept);
  // The same of all of it.
  size_t expire(uint32_t slot, uint32_t slots_kept);

  // The entry where all slots have numbers that are higher by so many: as old as it was.
  [[nodiscard]] static __u64 renumbered(__u64 entry, uint32_t by) {
    const __u64 slot = (shield_slot(entry) + by) & 0xffU;
    return entry == 0 ? 0
                      : (entry & ~(__u64{0xff} << SHIELD_SLOT_SHIFT)) | slot << SHIELD_SLOT_SHIFT;
  }

  struct Summary {
    uint64_t entries = 0;
    uint64_t known = 0;  // seen in `known_slots` slots
    uint64_t proved = 0;
    uint64_t allowed = 0;
    uint64_t denied = 0;
  };
  [[nodiscard]] Summary summarise(uint32_t known_slots) const;

 private:
  [[nodiscard]] static bool is_usual_hop(__u64 entry, uint8_t hop) {
    return hop != 0 && shield_is_other_hop(entry, hop) == 0;
  }
  // As nearly all of them: seen in this slot already, from its usual distance, at this rate or a
  // higher one, or as often as its rate may rise in a slot.
  [[nodiscard]] static bool says_nothing_new(__u64 entry, const Sighting& sighting, uint32_t slot) {
    if (shield_slot(entry) != (slot & 0xff) || shield_score(entry) == 0) return false;
    if (shield_is_elsewhere(entry, sighting.hop)) return true;
    if ((entry >> SHIELD_HOP_SEEN_SHIFT & 1) == 0 && is_usual_hop(entry, sighting.hop)) {
      return false;
    }
    return sighting.rate <= __u64{1} << (shield_rate(entry) & 31) ||
           shield_flags(entry) >> SHIELD_FLAG_RAISED_SHIFT == raises_a_slot_max;
  }
  void enter(const Sighting& sighting, uint32_t slot);
  void insert(ShieldHistoryLine& line, __u64 entry, uint32_t slot);

  std::span<ShieldHistoryLine, SHIELD_HISTORY_LINES> lines_;
};

}  // namespace holdfast::shield
