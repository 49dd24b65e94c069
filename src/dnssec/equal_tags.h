// SPDX-License-Identifier: GPL-3.0-or-later
// Two keys with one tag, found by making many, and one with another. For tests.
#pragma once

#include <map>
#include <utility>

#include "dnssec/new_key.h"
#include "dnssec/zone_key.h"

namespace holdfast::dnssec {

struct EqualTags {
  PrivateKey first;
  PrivateKey second;
};

// Of ED25519. With a few hundred of each among 65,536 tags there is soon a pair.
inline EqualTags find_equal_tags(uint16_t first_flags, uint16_t second_flags) {
  const wire::Name zone = wire::Name::from_text("example").value();
  const auto make = [] { return PrivateKey::generate(*find_algorithm(ed25519)).value(); };
  std::map<uint16_t, PrivateKey> firsts;
  while (true) {
    const ZoneKey first(zone, first_flags, make());
    firsts.emplace(first.tag(), first.key());
    const ZoneKey second(zone, second_flags, make());
    const auto found = firsts.find(second.tag());
    if (found == firsts.end()) continue;
    if (found->second.public_key() != second.key().public_key()) {
      return {found->second, second.key()};
    }
  }
}

// One more that has neither's tag, with whatever flags.
inline PrivateKey make_unlike(const EqualTags& equal) {
  const wire::Name zone = wire::Name::from_text("example").value();
  TakenTags taken;
  for (const uint16_t flags : {flags_ksk, flags_zsk}) {
    for (const PrivateKey& key : {equal.first, equal.second}) {
      taken.add(ZoneKey(zone, flags, key).dnskey_rdata());
    }
  }
  while (true) {
    PrivateKey key = PrivateKey::generate(*find_algorithm(ed25519)).value();
    if (!taken.holds(ZoneKey(zone, flags_ksk, key).dnskey_rdata()) &&
        !taken.holds(ZoneKey(zone, flags_zsk, key).dnskey_rdata())) {
      return key;
    }
  }
}

}  // namespace holdfast::dnssec
