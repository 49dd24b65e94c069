// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/zone_key.h"

namespace holdfast::dnssec {

namespace {

bool has_come(std::optional<uint64_t> time_s, uint64_t now_s) { return time_s && *time_s <= now_s; }

}  // namespace

ZoneKey::ZoneKey(wire::NameView zone, uint16_t flags, PrivateKey key)
    : zone_(zone),
      flags_(flags),
      key_(std::move(key)),
      dnskey_(make_dnskey_rdata(flags, key_.algorithm().number, key_.public_key())),
      tag_(key_tag(dnskey_)) {
  zone_.fold_case();
}

bool ZoneKey::is_published_at(uint64_t now_s) const {
  return (!times.publish || *times.publish <= now_s) && !has_come(times.remove, now_s);
}

bool ZoneKey::is_active_at(uint64_t now_s) const {
  return is_published_at(now_s) && (!times.activate || *times.activate <= now_s) &&
         !has_come(times.inactive, now_s);
}

bool ZoneKey::is_sync_published_at(uint64_t now_s) const {
  return is_published_at(now_s) && has_come(times.sync_publish, now_s) &&
         !has_come(times.sync_remove, now_s);
}

}  // namespace holdfast::dnssec
