// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the RRsets of one name from its records: grouped by type, in canonical order, without
// copies, each with the RRSIGs that cover it.
//
// Keeps its memory from node to node, so that a walk over millions allocates a few times only.
// The node is valid until the next call. One thread.
#pragma once

#include <span>
#include <vector>

#include "zone/contents.h"
#include "zone/staging.h"

namespace holdfast::zone {

class NodeAssembly {
 public:
  // Sets `rrsets`; owner, flags and place are the caller's to set.
  StagedNode& assemble(std::span<const StagedRecord> records);

 private:
  // A record under the type of the RRset that it belongs to.
  struct Member {
    const StagedRecord* record;
    uint16_t rrset_type;
    bool is_signature;
  };

  void assemble_one(const StagedRecord& record);
  void add_group(std::span<const Member> members);
  StagedRrset& begin_rrset(uint16_t type);

  StagedNode node_;
  std::vector<uint16_t> types_;  // at this name, RRSIG apart
  std::vector<Member> members_;
  std::vector<StagedRrset> spare_;  // emptied, for their memory
};

}  // namespace holdfast::zone
