// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/key_roles.h"

#include <algorithm>

namespace holdfast::dnssec {

Result<KeyRoles> KeyRoles::at(std::span<const ZoneKey> keys, uint64_t now_s) {
  KeyRoles roles;
  for (const ZoneKey& key : keys) {
    if (key.is_published_at(now_s)) roles.published.push_back(&key);
    if (key.is_sync_published_at(now_s)) roles.announced.push_back(&key);
  }
  roles.awaits_announcement =
      roles.announced.empty() && std::ranges::any_of(roles.published, [&](const ZoneKey* key) {
        return key->is_entry_point() && key->times.sync_publish && *key->times.sync_publish > now_s;
      });
  for (const AlgorithmInfo& algorithm : all_algorithms()) {
    std::vector<const ZoneKey*> entry_points;
    std::vector<const ZoneKey*> others;
    for (const ZoneKey& key : keys) {
      if (key.algorithm().number != algorithm.number || !key.is_active_at(now_s)) continue;
      (key.is_entry_point() ? entry_points : others).push_back(&key);
    }
    const auto& for_keys = entry_points.empty() ? others : entry_points;
    const auto& for_zone = others.empty() ? entry_points : others;
    roles.for_keys.insert(roles.for_keys.end(), for_keys.begin(), for_keys.end());
    roles.for_zone.insert(roles.for_zone.end(), for_zone.begin(), for_zone.end());
    if (!for_zone.empty()) continue;
    for (const ZoneKey* key : roles.published) {
      if (key->algorithm().number != algorithm.number || !key->is_entry_point()) continue;
      return fail("key " + std::to_string(key->tag()) + " of " + key->zone().to_text() +
                  " is published, but no key of " + std::string(algorithm.mnemonic) +
                  " signs now; resolvers would take the zone for bogus");
    }
  }
  if (roles.for_zone.empty()) return fail("no key is active; expected at least one");
  return roles;
}

}  // namespace holdfast::dnssec
