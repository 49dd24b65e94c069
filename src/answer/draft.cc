// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/draft.h"

#include <memory>

#include "base/check.h"

namespace holdfast::answer {

zone::RrsetView single_record(uint16_t type, uint32_t ttl, Bytes record) {
  zone::RrsetView rrset;
  rrset.type = type;
  rrset.ttl = ttl;
  rrset.count = 1;
  rrset.records = record;
  return rrset;
}

void Draft::require(wire::Section section, wire::NameView owner, const zone::RrsetView& rrset,
                    uint32_t ttl_max) {
  if (!truncated && !add(section, owner, rrset, ttl_max)) truncated = true;
}

void Draft::offer(wire::NameView owner, const zone::RrsetView& rrset) {
  if (!truncated) (void)add(wire::Section::additional, owner, rrset, wire::ttl_unlimited);
}

bool Draft::add(wire::Section section, wire::NameView owner, const zone::RrsetView& rrset,
                uint32_t ttl_max) {
  wire::Records signatures;
  if (signatures_ == Signatures::included) signatures = {rrset.signatures, rrset.signature_count};
  return writer_.add(section, owner, {rrset.records, rrset.count}, ttl_max, signatures);
}

void Draft::collect_proof(const zone::ZoneView& from, const zone::NodeView& node) {
  for (size_t i = 0; i < proof_count_; ++i) {
    if (proofs_[i].node.reference() == node.reference()) return;
  }
  CHECK(proof_count_ < proofs_max);
  std::construct_at(&proofs_[proof_count_++], Proof{from.apex(), node});
}

void Draft::write_proofs() {
  for (size_t i = 0; i < proof_count_; ++i) require_proof(proofs_[i]);
}

void Draft::require_proof(const Proof& proof) {
  const bool hashed = proof.node.has(zone::node_nsec3);
  const auto rrset = proof.node.find(hashed ? wire::type_nsec3 : wire::type_nsec);
  wire::Name owner;
  if (!rrset || !owner.assign_joined(proof.node.relative_owner(), proof.apex)) return;
  require(wire::Section::authority, owner, *rrset);
}

}  // namespace holdfast::answer
