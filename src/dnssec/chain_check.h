// SPDX-License-Identifier: GPL-3.0-or-later
// Checks that the NSEC or NSEC3 records of a zone deny what does not exist and nothing else: one
// for each name that needs it, with exactly its types, each leading to the next.
//
// Sees all nodes in the order of Contents::Cursor. For NSEC3, 80 bytes a name. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dnssec/byte_arena.h"
#include "dnssec/fault_list.h"
#include "dnssec/nsec3_hash.h"
#include "zone/contents.h"

namespace holdfast::dnssec {

class ChainCheck {
 public:
  ChainCheck(wire::NameView apex, FaultList& faults) : apex_(apex), faults_(faults) {}

  void visit(const zone::StagedNode& node);
  void conclude();

 private:
  struct Parameters {
    uint16_t iterations = 0;
    std::vector<uint8_t> salt;
  };
  struct Expected {
    Nsec3Hash hash;
    Bytes bitmap;
    Bytes owner;
    bool may_be_left_out;  // by opt-out
  };
  struct Found {
    Nsec3Hash hash;
    Bytes rdata;
    bool is_opt_out;
  };

  void visit_apex(const zone::StagedNode& node);
  void visit_named(const zone::StagedNode& node);
  void visit_nsec3(const zone::StagedNode& node);
  void check_nsec(const zone::StagedNode& node, const std::vector<uint8_t>& bitmap);
  void expect_next(wire::NameView owner);
  void expect_nsec3(wire::NameView owner, Bytes bitmap, bool may_be_left_out);
  void compare_nsec3();
  void check_nsec3_links();

  wire::Name apex_;
  FaultList& faults_;
  std::optional<Parameters> nsec3_;
  ByteArena arena_;
  // NSEC: the last owner, and the next name that its record gives.
  wire::Name last_owner_;
  Bytes next_;
  bool has_last_ = false;
  // NSEC3.
  std::vector<wire::Name> empty_;  // empty non-terminals above the present name
  std::vector<Expected> expected_;
  std::vector<Found> found_;
};

}  // namespace holdfast::dnssec
