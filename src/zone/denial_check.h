// SPDX-License-Identifier: GPL-3.0-or-later
// Checks what a signed zone needs: signatures that hold, and a closed chain of NSEC or NSEC3
// records.
//
// A zone counts as signed if its apex has a DNSKEY and a signed SOA. Signatures are not verified;
// their times are. Names of the chain are not hashed; their number must fit. The first fault of
// each kind is reported. One thread.
#pragma once

#include <string>
#include <vector>

#include "zone/checks.h"

namespace holdfast::zone {

class DenialCheck {
 public:
  DenialCheck(wire::NameView apex, uint64_t now_s, Verdicts& verdicts)
      : apex_(apex), now_s_(now_s), verdicts_(verdicts) {}

  // All nodes, NSEC3 owners included.
  void visit(const StagedNode& node);
  void conclude();

 private:
  struct Parameters {
    uint8_t algorithm = 0;
    uint16_t iterations = 0;
    Bytes salt;
    [[nodiscard]] bool equals(const Parameters& other) const;
  };
  enum class Fault : uint8_t {
    unsigned_rrset,
    expired,
    future,
    nsec_gap,
    nsec3,
    iterations,
    too_many_iterations
  };

  [[nodiscard]] static Parameters parameters_of(Bytes nsec3_rdata);
  void visit_apex(const StagedNode& node);
  void check_signatures(const StagedNode& node);
  void check_times(const StagedNode& node, const StagedRrset& rrset);
  void continue_nsec_chain(const StagedNode& node);
  void continue_nsec3_chain(const StagedNode& node);
  void check_iterations(const StagedNode& node, const StagedRrset& rrset, uint16_t iterations);
  void report(Fault fault, Verdicts::Kind kind, Place place, wire::NameView owner, uint16_t type,
              const std::string& message);

  wire::NameView apex_;
  uint64_t now_s_;
  Verdicts& verdicts_;
  bool signed_ = false;
  bool uses_nsec3_ = false;
  uint32_t reported_ = 0;  // a bit for each Fault

  // NSEC: the last owner and the name that its record says comes next.
  wire::Name last_owner_;
  Place last_place_;
  Bytes next_owner_;

  // NSEC3 of the parameters at the apex.
  Parameters parameters_;
  Place parameters_place_;
  size_t names_to_prove_ = 0;
  size_t nsec3_count_ = 0;
  bool opt_out_ = false;
  std::string first_hash_;
  std::string next_hash_;
};

}  // namespace holdfast::zone
