// SPDX-License-Identifier: GPL-3.0-or-later
// Checks that the hosts which NS, MX and SRV records of a zone name, and which lie in the same
// zone, have addresses there and are no aliases.
//
// Each host is judged once, for the first record that names it. One thread.
#pragma once

#include <unordered_set>
#include <vector>

#include "base/hash.h"
#include "zone/checks.h"

namespace holdfast::zone {

class TargetCheck {
 public:
  TargetCheck(wire::NameView apex, Verdicts& verdicts) : apex_(apex), verdicts_(verdicts) {}

  // RRsets that are not occluded.
  void visit(const StagedNode& node, const StagedRrset& rrset);
  void conclude(const Contents& contents);

 private:
  struct Use {
    Bytes target;         // in the contents
    size_t owner_offset;  // in owners_
    Place place;
    uint16_t type;
  };

  void judge(const Use& use, const Contents& contents);

  wire::NameView apex_;
  Verdicts& verdicts_;
  std::unordered_set<uint64_t> seen_;  // hashes of targets
  std::vector<Use> uses_;
  std::vector<uint8_t> owners_;  // names one after another
};

}  // namespace holdfast::zone
