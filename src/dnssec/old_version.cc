// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/old_version.h"

#include <algorithm>

#include "dnssec/rrsig.h"
#include "wire/types.h"

namespace holdfast::dnssec {

OldVersion::OldVersion(const zone::Contents* contents, const SigningPolicy& policy, uint64_t now_s)
    : policy_(policy), now_s_(now_s) {
  if (contents == nullptr) return;
  cursor_.emplace(*contents);
  if (!step()) return;
  for (const zone::StagedRrset& rrset : node_->rrsets) {
    if (rrset.type != wire::type_dnskey) continue;
    for (const Bytes rdata : rrset.rdata) keys_.emplace_back(rdata.begin(), rdata.end());
  }
}

bool OldVersion::step() {
  node_ = cursor_->next();
  return node_ != nullptr;
}

void OldVersion::seek(wire::NameView owner, bool is_nsec3) {
  is_at_owner_ = false;
  while (node_ != nullptr) {
    const bool node_is_nsec3 = (node_->flags & zone::node_nsec3) != 0;
    if (node_is_nsec3 && !is_nsec3) return;
    if (node_is_nsec3 == is_nsec3) {
      const int order = wire::compare_canonical(node_->owner, owner);
      is_at_owner_ = order == 0;
      if (order >= 0) return;
    }
    step();
  }
}

const zone::StagedRrset* OldVersion::find(uint16_t type) const {
  if (!is_at_owner_) return nullptr;
  const auto found = std::ranges::find(node_->rrsets, type, &zone::StagedRrset::type);
  return found == node_->rrsets.end() ? nullptr : &*found;
}

bool OldVersion::has_key(const ZoneKey& key) const {
  return std::ranges::find(keys_, key.dnskey_rdata()) != keys_.end();
}

Bytes OldVersion::usable_signature(const zone::StagedRrset& old, wire::NameView owner,
                                   const ZoneKey& key) const {
  for (const Bytes rdata : old.signatures) {
    const auto rrsig = Rrsig::parse(rdata);
    if (!rrsig || rrsig->key_tag != key.tag() || rrsig->algorithm != key.algorithm().number) {
      continue;
    }
    const auto now = static_cast<uint32_t>(now_s_);
    const bool holds =
        !is_before(now, rrsig->inception) && is_before(now + policy_.refresh_s, rrsig->expiration);
    if (holds && rrsig->original_ttl == old.ttl && rrsig->labels == signed_labels(owner) &&
        rrsig->signer == key.zone()) {
      return rdata;
    }
  }
  return {};
}

bool OldVersion::is_same(const zone::StagedRrset& old, uint32_t ttl, std::span<const Bytes> rdata) {
  return old.ttl == ttl && std::ranges::equal(old.rdata, rdata, [](Bytes a, Bytes b) {
           return std::ranges::equal(a, b);
         });
}

}  // namespace holdfast::dnssec
