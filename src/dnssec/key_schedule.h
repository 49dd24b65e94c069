// SPDX-License-Identifier: GPL-3.0-or-later
// When a zone's keys are rolled by themselves: by their age, by the algorithm that they should
// have, and by what the parent says.
//
// All that is known lies in the keys' times, so a crash at any moment is gone on from by the next
// call: it finds a rollover that was begun and ends it (rollover.h). One whose CDS the parent does
// not follow waits for ever, which does no harm. A key without times is the operator's, and is left
// alone. Pure; any thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dnssec/rollover.h"

namespace holdfast::dnssec {

struct KeySchedule {
  uint64_t zsk_lifetime_s = 0;  // from when it begins to sign; 0: as long as nobody rolls it
  uint64_t entry_point_lifetime_s = 0;  // of a KSK or CSK
  uint8_t algorithm = 0;                // what all should have; 0: whatever they have
  RolloverTimes times;
  TakenTags others = {};  // keys of other signers
};

// Makes a key of this algorithm.
using MakeKeyOf = std::function<Result<PrivateKey>(uint8_t algorithm)>;

struct ScheduledStep {
  std::vector<ZoneKey> changed;  // to be saved in this order; none: nothing is due
  std::string sentence;          // what begins or ends; none if it is only gone on with
};

// `ds_seen`: the tag of the entry point for which all of the parent's servers were seen to have a
// DS, and for no other; 0: none. At most one step; call again until there is none.
[[nodiscard]] Result<ScheduledStep> next_step(std::span<const ZoneKey> keys, uint64_t now_s,
                                              const KeySchedule& schedule, uint16_t ds_seen,
                                              const MakeKeyOf& make);
// When next_step has something to do by the keys alone: 0, at once; UINT64_MAX: never.
[[nodiscard]] uint64_t next_step_time(std::span<const ZoneKey> keys, const KeySchedule& schedule);

// The entry point that waits for the parent, once its CDS is out; null: none does.
[[nodiscard]] const ZoneKey* waits_for_parent(std::span<const ZoneKey> keys, uint64_t now_s);

}  // namespace holdfast::dnssec
