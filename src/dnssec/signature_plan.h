// SPDX-License-Identifier: GPL-3.0-or-later
// Lays out one RRset for signing: which of its earlier signatures are kept, and how long those that
// are made will hold. Counts both.
//
// Refers to task, roles and the old version, which outlive it. One thread.
#pragma once

#include "dnssec/made_records.h"
#include "dnssec/old_version.h"
#include "dnssec/sign_batch.h"
#include "dnssec/zone_signer.h"

namespace holdfast::dnssec {

class SignaturePlan {
 public:
  SignaturePlan(const SigningTask& task, const KeyRoles& roles, const OldVersion& old);

  // `owner` and the records outlive the batch. DNSKEY, CDS and CDNSKEY go to the entry keys. `old`
  // is the RRset in the version before, null if there was none.
  [[nodiscard]] BatchRrset lay_out(SignBatch& batch, Bytes owner, uint16_t type, uint32_t ttl,
                                   std::span<const Bytes> rdata, SignedBy signed_by,
                                   const zone::StagedRrset* old);
  // The same of an RRset whose signatures were made elsewhere; they too outlive the batch.
  [[nodiscard]] BatchRrset lay_out_given(SignBatch& batch, Bytes owner, const MadeRecords& given,
                                         std::span<const Bytes> rdata,
                                         const zone::StagedRrset* old);
  // What was counted.
  void add_to(SignedZone& made) const;

 private:
  void choose_signatures(SignBatch& batch, BatchRrset& rrset, const zone::StagedRrset* old);
  [[nodiscard]] Validity validity_of(wire::NameView owner, uint16_t type) const;
  void note_expiration(uint32_t expiration);

  const SigningTask& task_;
  const KeyRoles& roles_;
  const OldVersion& old_;
  std::vector<bool> may_keep_for_keys_;  // whether old signatures of the role's keys may be kept
  std::vector<bool> may_keep_for_zone_;
  size_t made_ = 0;
  size_t kept_ = 0;
  bool has_changed_ = false;
  uint64_t refresh_at_s_ = UINT64_MAX;
};

}  // namespace holdfast::dnssec
