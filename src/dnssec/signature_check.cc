// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/signature_check.h"

#include <algorithm>

#include "dnssec/dnskey.h"

namespace holdfast::dnssec {

std::string_view fault_text(SignatureFault fault) {
  switch (fault) {
    case SignatureFault::none:
      return "holds";
    case SignatureFault::malformed:
      return "is malformed";
    case SignatureFault::wrong_type:
      return "covers another type";
    case SignatureFault::wrong_signer:
      return "names another signer than the zone";
    case SignatureFault::wrong_labels:
      return "has another number of labels than its owner";
    case SignatureFault::wrong_ttl:
      return "was made for another TTL";
    case SignatureFault::not_yet_valid:
      return "is not valid yet";
    case SignatureFault::expired:
      return "has expired";
    case SignatureFault::unknown_key:
      return "is by a key that is not in the DNSKEY records";
    case SignatureFault::unsupported_key:
      return "is by a key that is malformed, or of an algorithm that is not supported";
    case SignatureFault::wrong_signature:
      return "does not fit the records";
    case SignatureFault::too_much_work:
      return "was not tried: too many before it did not fit";
  }
  return {};
}

SignatureCheck::SignatureCheck(wire::NameView zone, std::span<const Bytes> dnskeys) : zone_(zone) {
  for (const Bytes rdata : dnskeys.first(std::min(dnskeys.size(), keys_max))) {
    const auto dnskey = Dnskey::parse(rdata);
    const bool is_usable = dnskey && dnskey->is_zone_key();
    // One that cannot sign keeps its place, so that indices are those of the caller.
    keys_.push_back({.rdata = rdata,
                     .tag = key_tag(rdata),
                     .algorithm = is_usable ? dnskey->algorithm : uint8_t{0},
                     .public_key = {}});
  }
}

SignatureFault SignatureCheck::check(const Rrset& rrset, Bytes rrsig_rdata, uint64_t now_s,
                                     Depth depth, size_t& key) {
  const auto rrsig = Rrsig::parse(rrsig_rdata);
  if (!rrsig) return SignatureFault::malformed;
  if (rrsig->type_covered != rrset.type) return SignatureFault::wrong_type;
  if (!(rrsig->signer == zone_)) return SignatureFault::wrong_signer;
  // In a zone, as against an answer, nothing is expanded from a wildcard.
  if (rrsig->labels != signed_labels(rrset.owner)) return SignatureFault::wrong_labels;
  if (rrset.ttl > rrsig->original_ttl) return SignatureFault::wrong_ttl;
  const auto now = static_cast<uint32_t>(now_s);
  if (is_before(now, rrsig->inception)) return SignatureFault::not_yet_valid;
  if (is_before(rrsig->expiration, now)) return SignatureFault::expired;
  SignatureFault fault = SignatureFault::unknown_key;
  size_t keys_with_tag = 0;
  for (size_t i = 0; i < keys_.size(); ++i) {
    Key& candidate = keys_[i];
    if (candidate.tag != rrsig->key_tag || candidate.algorithm != rrsig->algorithm) continue;
    if (++keys_with_tag > keys_per_tag_max) return SignatureFault::too_much_work;
    fault = depth == Depth::fields ? SignatureFault::none : try_key(candidate, *rrsig, rrset);
    if (fault == SignatureFault::none) {
      key = i;
      return fault;
    }
  }
  return fault;
}

SignatureFault SignatureCheck::try_key(Key& key, const Rrsig& rrsig, const Rrset& rrset) {
  if (!key.is_tried) {
    key.is_tried = true;
    auto made = PublicKey::from_dnskey(key.rdata);
    if (made) key.public_key.push_back(*std::move(made));
  }
  if (key.public_key.empty()) return SignatureFault::unsupported_key;
  if (attempts_ == attempts_per_rrset_max) return SignatureFault::too_much_work;
  ++attempts_;
  if (!make_signed_data(rrsig, rrset.owner, rrset.rdata, data_)) return SignatureFault::malformed;
  return key.public_key.front().verify(data_, rrsig.signature) ? SignatureFault::none
                                                               : SignatureFault::wrong_signature;
}

}  // namespace holdfast::dnssec
