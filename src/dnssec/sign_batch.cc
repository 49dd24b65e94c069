// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/sign_batch.h"

#include "wire/types.h"

namespace holdfast::dnssec {

void SignBatch::add_to(zone::Contents& contents) const {
  size_t signature = 0;  // in signature_sizes
  size_t signature_at = 0;
  for (const BatchRrset& rrset : rrsets) {
    const wire::NameView owner(rrset.owner);
    for (const Bytes record : rdata_of(rrset)) contents.add(owner, rrset.type, rrset.ttl, record);
    for (uint32_t left = signature_sizes[signature++]; left > 0; --left) {
      const size_t size = signature_sizes[signature++];
      contents.add(owner, wire::type_rrsig, rrset.ttl,
                   Bytes(signatures).subspan(signature_at, size));
      signature_at += size;
    }
  }
}

Result<BatchSigner> BatchSigner::make(const KeyRoles& roles) {
  BatchSigner signer;
  for (const ZoneKey* key : roles.for_keys) {
    signer.for_keys_.push_back(TRY(RrsetSigner::make(*key)));
  }
  for (const ZoneKey* key : roles.for_zone) {
    signer.for_zone_.push_back(TRY(RrsetSigner::make(*key)));
  }
  return signer;
}

Result<void> BatchSigner::sign(SignBatch& batch) {
  for (const BatchRrset& rrset : batch.rrsets) {
    if (rrset.signed_by == SignedBy::nobody) {
      batch.signature_sizes.push_back(0);
      continue;
    }
    if (rrset.signed_by == SignedBy::elsewhere) {
      batch.signature_sizes.push_back(static_cast<uint32_t>(rrset.given));
      for (size_t i = 0; i < rrset.given; ++i) {
        const Bytes given = batch.kept[rrset.kept_begin + i];
        batch.signatures.insert(batch.signatures.end(), given.begin(), given.end());
        batch.signature_sizes.push_back(static_cast<uint32_t>(given.size()));
      }
      continue;
    }
    auto& signers = rrset.signed_by == SignedBy::entry_keys ? for_keys_ : for_zone_;
    batch.signature_sizes.push_back(static_cast<uint32_t>(signers.size()));
    for (size_t i = 0; i < signers.size(); ++i) {
      const size_t begin = batch.signatures.size();
      const Bytes kept = rrset.has_kept ? batch.kept[rrset.kept_begin + i] : Bytes();
      if (kept.empty()) {
        TRY(signers[i].sign(wire::NameView(rrset.owner), rrset.type, rrset.ttl,
                            batch.rdata_of(rrset), rrset.validity, batch.signatures));
      } else {
        batch.signatures.insert(batch.signatures.end(), kept.begin(), kept.end());
      }
      batch.signature_sizes.push_back(static_cast<uint32_t>(batch.signatures.size() - begin));
    }
  }
  return {};
}

}  // namespace holdfast::dnssec
