// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/rrset_signer.h"

#include "wire/types.h"

namespace holdfast::dnssec {

RrsetSigner::RrsetSigner(const ZoneKey& key, Signer signer)
    : zone_(key.zone()),
      algorithm_(key.algorithm().number),
      tag_(key.tag()),
      signer_(std::move(signer)) {}

Result<RrsetSigner> RrsetSigner::make(const ZoneKey& key) {
  return RrsetSigner(key, TRY(Signer::make(key.key())));
}

Result<void> RrsetSigner::sign(wire::NameView owner, uint16_t type, uint32_t ttl,
                               std::span<const Bytes> rdata, Validity validity,
                               std::vector<uint8_t>& rrsig_rdata) {
  const Rrsig rrsig{.type_covered = type,
                    .algorithm = algorithm_,
                    .labels = signed_labels(owner),
                    .original_ttl = ttl,
                    .expiration = validity.expiration,
                    .inception = validity.inception,
                    .key_tag = tag_,
                    .signer = zone_,
                    .signature = {}};
  if (!make_signed_data(rrsig, owner, rdata, data_)) {
    return fail(owner.to_text() + " " + wire::type_to_text(type) + ": malformed record");
  }
  rrsig.append_head(rrsig_rdata);
  const size_t head_end = rrsig_rdata.size();
  rrsig_rdata.resize(head_end + signer_.signature_bytes());
  return signer_.sign(data_, MutableBytes(rrsig_rdata).subspan(head_end));
}

}  // namespace holdfast::dnssec
