// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/made_records.h"

#include <algorithm>
#include <array>

#include "dnssec/nsec3_chain.h"
#include "wire/types.h"

namespace holdfast::dnssec {

namespace {

// RFC 8078 §4: "0 0 0 00" and "0 3 0 AA==".
constexpr std::array<uint8_t, 5> removal_cds{0, 0, 0, 0, 0};
constexpr std::array<uint8_t, 5> removal_cdnskey{0, 0, dnskey_protocol, 0, 0};

std::vector<MadeRecords> make_from_keys(wire::NameView apex, const KeyRoles& roles,
                                        const SigningPolicy& policy, const ApexAdditions& of) {
  MadeRecords dnskeys{wire::type_dnskey, policy.dnskey_ttl, {}, {}};
  MadeRecords cds{wire::type_cds, policy.dnskey_ttl, {}, {}};
  MadeRecords cdnskeys{wire::type_cdnskey, policy.dnskey_ttl, {}, {}};
  dnskeys.rdata.reserve(roles.published.size() + of.dnskeys.size());
  for (const ZoneKey* key : roles.published) dnskeys.rdata.push_back(key->dnskey_rdata());
  dnskeys.rdata.insert(dnskeys.rdata.end(), of.dnskeys.begin(), of.dnskeys.end());
  if (of.asks_for_removal) {
    cds.rdata.emplace_back(removal_cds.begin(), removal_cds.end());
    cdnskeys.rdata.emplace_back(removal_cdnskey.begin(), removal_cdnskey.end());
  } else if (!roles.awaits_announcement) {
    // RFC 7344 §4.1: what is not in it is to have no DS. While ours waits, those of the others
    // alone would ask the parent to drop it; none at all asks for nothing.
    cdnskeys.rdata.reserve(roles.announced.size() + of.announced.size());
    for (const ZoneKey* key : roles.announced) cdnskeys.rdata.push_back(key->dnskey_rdata());
    cdnskeys.rdata.insert(cdnskeys.rdata.end(), of.announced.begin(), of.announced.end());
    for (const auto& dnskey : cdnskeys.rdata) {
      cds.rdata.push_back(make_ds_rdata(apex, dnskey, DsDigest::sha256));
    }
  }
  std::vector<MadeRecords> made;
  for (MadeRecords* records : {&dnskeys, &cds, &cdnskeys}) {
    if (records->rdata.empty()) continue;
    std::ranges::sort(records->rdata);
    const auto copies = std::ranges::unique(records->rdata);
    records->rdata.erase(copies.begin(), copies.end());
    made.push_back(std::move(*records));
  }
  return made;
}

std::vector<MadeRecords> take_given(const ApexAdditions& of) {
  std::vector<MadeRecords> made;
  made.reserve(of.given.size());
  for (const GivenRrset& rrset : of.given) {
    made.push_back({rrset.type, rrset.ttl, rrset.rdata, rrset.signatures, true});
  }
  return made;
}

}  // namespace

bool is_made_anywhere(uint16_t type) {
  return type == wire::type_rrsig || type == wire::type_nsec || type == wire::type_nsec3;
}

bool is_made_at_apex(uint16_t type) {
  return type == wire::type_dnskey || type == wire::type_cds || type == wire::type_cdnskey ||
         type == wire::type_csync || type == wire::type_nsec3param || type == wire::type_zonemd;
}

std::vector<MadeRecords> make_apex_records(wire::NameView apex, const KeyRoles& roles,
                                           const SigningPolicy& policy,
                                           const ApexAdditions* additions) {
  static const ApexAdditions none;
  const ApexAdditions& of = additions == nullptr ? none : *additions;
  std::vector<MadeRecords> made =
      of.given.empty() ? make_from_keys(apex, roles, policy, of) : take_given(of);
  if (of.csync) made.push_back({wire::type_csync, policy.dnskey_ttl, {*of.csync}, {}});
  // The TTL of NSEC3PARAM: never cached to any purpose, secondaries alone read it.
  if (policy.denial == DenialMethod::nsec3) {
    made.push_back({wire::type_nsec3param, 0, {Nsec3Chain::parameters()}, {}});
  }
  return made;
}

}  // namespace holdfast::dnssec
