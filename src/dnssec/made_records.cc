// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/made_records.h"

#include <algorithm>

#include "dnssec/nsec3_chain.h"
#include "wire/types.h"

namespace holdfast::dnssec {

bool is_made_anywhere(uint16_t type) {
  return type == wire::type_rrsig || type == wire::type_nsec || type == wire::type_nsec3;
}

bool is_made_at_apex(uint16_t type) {
  return type == wire::type_dnskey || type == wire::type_cds || type == wire::type_cdnskey ||
         type == wire::type_nsec3param || type == wire::type_zonemd;
}

std::vector<MadeRecords> make_apex_records(wire::NameView apex, const KeyRoles& roles,
                                           const SigningPolicy& policy) {
  MadeRecords dnskeys{wire::type_dnskey, policy.dnskey_ttl, {}};
  MadeRecords cds{wire::type_cds, policy.dnskey_ttl, {}};
  MadeRecords cdnskeys{wire::type_cdnskey, policy.dnskey_ttl, {}};
  // The TTL of NSEC3PARAM: never cached to any purpose, secondaries alone read it.
  MadeRecords parameters{wire::type_nsec3param, 0, {}};
  for (const ZoneKey* key : roles.published) dnskeys.rdata.push_back(key->dnskey_rdata());
  for (const ZoneKey* key : roles.announced) {
    cdnskeys.rdata.push_back(key->dnskey_rdata());
    cds.rdata.push_back(make_ds_rdata(apex, key->dnskey_rdata(), DsDigest::sha256));
  }
  if (policy.denial == DenialMethod::nsec3) parameters.rdata.push_back(Nsec3Chain::parameters());
  std::vector<MadeRecords> made;
  for (MadeRecords* records : {&dnskeys, &cds, &cdnskeys, &parameters}) {
    if (records->rdata.empty()) continue;
    std::ranges::sort(records->rdata);
    made.push_back(std::move(*records));
  }
  return made;
}

}  // namespace holdfast::dnssec
