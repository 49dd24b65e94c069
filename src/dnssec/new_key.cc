// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/new_key.h"

#include <array>

#include "dnssec/other_signer.h"
#include "dnssec/signed_keys.h"
#include "dnssec/token_key.h"
#include "wire/types.h"

namespace holdfast::dnssec {

namespace {

std::array<uint16_t, 2> tags_of(Bytes dnskey_rdata) {
  std::vector<uint8_t> other(dnskey_rdata.begin(), dnskey_rdata.end());
  store_be16(other.data(), static_cast<uint16_t>(load_be16(other.data()) ^ flag_revoked));
  return {key_tag(dnskey_rdata), key_tag(other)};
}

}  // namespace

TakenTags::TakenTags(std::span<const ZoneKey> keys) {
  for (const ZoneKey& key : keys) add(key.dnskey_rdata());
}

void TakenTags::add(Bytes dnskey_rdata) {
  for (const uint16_t tag : tags_of(dnskey_rdata)) tags_.insert(tag);
}

bool TakenTags::holds(Bytes dnskey_rdata) const {
  const auto [tag, revoked_tag] = tags_of(dnskey_rdata);
  return tags_.contains(tag) || tags_.contains(revoked_tag);
}

Result<TakenTags> tags_of_others(const std::string& folder, wire::NameView zone) {
  TakenTags tags;
  for (const OtherSigner& signer : TRY(load_signers(folder))) {
    for (const ForeignKey& key : signer.keys) tags.add(key.dnskey);
  }
  for (const KeyPeriod& period : TRY(load_signed_keys(folder, zone))) {
    for (const auto& dnskey : period.find(wire::type_dnskey)->rdata) tags.add(dnskey);
  }
  return tags;
}

Result<ZoneKey> make_new_key(wire::NameView zone, uint16_t flags, const TakenTags& taken,
                             const MakeKey& make) {
  for (int i = 0; i < key_tries_max; ++i) {
    ZoneKey key(zone, flags, TRY(make()));
    if (!taken.holds(key.dnskey_rdata())) return key;
    // One that stays there takes space and does nothing.
    if (const TokenUri* token = key.key().token()) {
      static_cast<void>(remove_token_key(*token, key.algorithm()));
    }
  }
  return fail("each of " + std::to_string(key_tries_max) + " new keys of " + zone.to_text() +
              " has a tag that another of its keys has");
}

}  // namespace holdfast::dnssec
