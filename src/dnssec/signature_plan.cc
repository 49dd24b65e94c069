// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/signature_plan.h"

#include <algorithm>

#include "wire/types.h"

namespace holdfast::dnssec {

namespace {

bool is_signed_by_entry_keys(uint16_t type) {
  return type == wire::type_dnskey || type == wire::type_cds || type == wire::type_cdnskey;
}

}  // namespace

SignaturePlan::SignaturePlan(const SigningTask& task, const KeyRoles& roles, const OldVersion& old)
    : task_(task), roles_(roles), old_(old) {
  for (const ZoneKey* key : roles.for_keys) may_keep_for_keys_.push_back(old.has_key(*key));
  for (const ZoneKey* key : roles.for_zone) may_keep_for_zone_.push_back(old.has_key(*key));
}

BatchRrset SignaturePlan::lay_out(SignBatch& batch, Bytes owner, uint16_t type, uint32_t ttl,
                                  std::span<const Bytes> rdata, SignedBy signed_by,
                                  const zone::StagedRrset* old) {
  if (signed_by == SignedBy::zone_keys && is_signed_by_entry_keys(type)) {
    signed_by = SignedBy::entry_keys;
  }
  BatchRrset rrset{.owner = owner,
                   .type = type,
                   .signed_by = signed_by,
                   .ttl = ttl,
                   .rdata_begin = batch.rdata.size(),
                   .rdata_count = rdata.size()};
  batch.rdata.insert(batch.rdata.end(), rdata.begin(), rdata.end());
  const bool is_same = old != nullptr && OldVersion::is_same(*old, ttl, rdata);
  if (!is_same) has_changed_ = true;
  if (signed_by != SignedBy::nobody) choose_signatures(batch, rrset, is_same ? old : nullptr);
  return rrset;
}

BatchRrset SignaturePlan::lay_out_given(SignBatch& batch, Bytes owner, const MadeRecords& given,
                                        std::span<const Bytes> rdata,
                                        const zone::StagedRrset* old) {
  BatchRrset rrset{.owner = owner,
                   .type = given.type,
                   .signed_by = SignedBy::elsewhere,
                   .ttl = given.ttl,
                   .rdata_begin = batch.rdata.size(),
                   .rdata_count = rdata.size(),
                   .kept_begin = batch.kept.size(),
                   .given = given.signatures.size()};
  batch.rdata.insert(batch.rdata.end(), rdata.begin(), rdata.end());
  batch.kept.insert(batch.kept.end(), given.signatures.begin(), given.signatures.end());
  const bool is_same = old != nullptr && OldVersion::is_same(*old, given.ttl, rdata) &&
                       std::ranges::equal(old->signatures, given.signatures, [](Bytes a, Bytes b) {
                         return std::ranges::equal(a, b);
                       });
  if (!is_same) has_changed_ = true;
  return rrset;
}

void SignaturePlan::choose_signatures(SignBatch& batch, BatchRrset& rrset,
                                      const zone::StagedRrset* old) {
  const bool by_entry = rrset.signed_by == SignedBy::entry_keys;
  const auto& keys = by_entry ? roles_.for_keys : roles_.for_zone;
  const auto& may_keep = by_entry ? may_keep_for_keys_ : may_keep_for_zone_;
  const wire::NameView owner(rrset.owner);
  rrset.has_kept = old != nullptr;
  rrset.kept_begin = batch.kept.size();
  size_t made = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    Bytes kept;
    if (old != nullptr && may_keep[i]) kept = old_.usable_signature(*old, owner, *keys[i]);
    if (old != nullptr) batch.kept.push_back(kept);
    if (kept.empty()) {
      ++made;
    } else {
      note_expiration(load_be32(kept.data() + 8));
    }
  }
  made_ += made;
  kept_ += keys.size() - made;
  const size_t signatures_before = old == nullptr ? 0 : old->signatures.size();
  if (made > 0 || signatures_before != keys.size()) has_changed_ = true;
  if (made == 0) return;
  rrset.validity = validity_of(owner, rrset.type);
  note_expiration(rrset.validity.expiration);
}

Validity SignaturePlan::validity_of(wire::NameView owner, uint16_t type) const {
  const SigningPolicy& policy = task_.policy;
  const HashKey key{task_.jitter_key.low ^ type, task_.jitter_key.high};
  const auto jitter =
      static_cast<uint32_t>(hash_bytes(owner.bytes(), key) % (uint64_t{policy.jitter_s} + 1));
  return {.inception = static_cast<uint32_t>(task_.now_s) - policy.inception_offset_s,
          .expiration = static_cast<uint32_t>(task_.now_s) + policy.validity_s - jitter};
}

// `expiration` lies within 68 years of now.
void SignaturePlan::note_expiration(uint32_t expiration) {
  const uint32_t left = expiration - static_cast<uint32_t>(task_.now_s);
  const uint32_t refresh = task_.policy.refresh_s;
  refresh_at_s_ = std::min(refresh_at_s_, task_.now_s + (left > refresh ? left - refresh : 0));
}

void SignaturePlan::add_to(SignedZone& made) const {
  made.signatures_made += made_;
  made.signatures_kept += kept_;
  made.has_changed |= has_changed_;
  made.refresh_at_s = std::min(made.refresh_at_s, refresh_at_s_);
}

}  // namespace holdfast::dnssec
