// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/rollover.h"

#include <algorithm>
#include <tuple>

namespace holdfast::dnssec {

namespace {

// Signs, and nobody has said yet until when.
bool is_settled(const ZoneKey& key, uint64_t now_s) {
  return key.is_active_at(now_s) && !key.times.inactive && !key.times.remove;
}

// By age; of keys that were made in one second, the one that takes over later is the younger. The
// tag decides among equals, so that the order is always the same.
std::tuple<uint64_t, uint64_t, uint64_t, uint16_t> age_order(const ZoneKey& key) {
  return {key.times.created.value_or(0), key.times.activate.value_or(0),
          key.times.sync_publish.value_or(0), key.tag()};
}

// Those that `is_one` picks, the oldest first.
template <typename Predicate>
std::vector<ZoneKey> pick(std::span<const ZoneKey> keys, Predicate is_one) {
  std::vector<ZoneKey> picked;
  for (const ZoneKey& key : keys) {
    if (is_one(key)) picked.push_back(key);
  }
  std::ranges::sort(picked, {}, age_order);
  return picked;
}

Result<ZoneKey> make_successor(std::span<const ZoneKey> keys, const ZoneKey& old, uint64_t now_s,
                               const MakeKey& make, const TakenTags& others) {
  TakenTags taken(keys);
  taken.add(others);
  ZoneKey key = TRY(make_new_key(old.zone(), old.flags(), taken, make));
  key.times.created = now_s;
  key.times.publish = now_s;
  return key;
}

}  // namespace

void put_key(std::vector<ZoneKey>& keys, const ZoneKey& key) {
  const auto found = std::ranges::find_if(
      keys, [&](const ZoneKey& of) { return of.dnskey_rdata() == key.dnskey_rdata(); });
  if (found == keys.end()) {
    keys.push_back(key);
  } else {
    *found = key;
  }
}

Result<std::vector<ZoneKey>> roll_zsk(std::span<const ZoneKey> keys, uint64_t now_s,
                                      const RolloverTimes& times, const MakeKey& make,
                                      const TakenTags& others) {
  const auto settled = pick(
      keys, [&](const ZoneKey& key) { return !key.is_entry_point() && is_settled(key, now_s); });
  if (settled.empty()) return fail("no ZSK signs that is not on its way out already");
  // Made by a call that did not get to the end.
  auto waiting = pick(keys, [&](const ZoneKey& key) {
    return !key.is_entry_point() && key.is_published_at(now_s) && !key.is_active_at(now_s) &&
           key.times.activate && *key.times.activate > now_s;
  });
  std::vector<ZoneKey> changed;
  if (waiting.empty()) {
    ZoneKey key = TRY(make_successor(keys, settled.back(), now_s, make, others));
    key.times.activate = now_s + times.dnskey_ttl_s + times.propagation_s;
    changed.push_back(key);
    waiting.push_back(std::move(key));
  }
  const uint64_t takes_over_s = *waiting.back().times.activate;
  for (ZoneKey key : settled) {
    key.times.inactive = takes_over_s;
    // Later than it ends to sign, or it would be taken for one that goes with its algorithm.
    key.times.remove =
        takes_over_s + std::max<uint64_t>(uint64_t{times.ttl_max_s} + times.propagation_s, 1);
    changed.push_back(std::move(key));
  }
  return changed;
}

Result<std::vector<ZoneKey>> roll_entry_point(std::span<const ZoneKey> keys, uint64_t now_s,
                                              const RolloverTimes& times, const MakeKey& make,
                                              const TakenTags& others) {
  auto settled = pick(
      keys, [&](const ZoneKey& key) { return key.is_entry_point() && is_settled(key, now_s); });
  if (settled.empty()) return fail("no KSK or CSK signs that is not on its way out already");
  // RFC 7344 §4.1: the CDS tells the parent to change over once all have the new DNSKEY.
  const uint64_t known_everywhere_s =
      now_s + std::max(times.dnskey_ttl_s, times.ttl_max_s) + times.propagation_s;
  std::vector<ZoneKey> changed;
  const bool is_begun = settled.size() > 1;
  if (!is_begun) {
    ZoneKey key = TRY(make_successor(keys, settled.back(), now_s, make, others));
    key.times.activate = now_s;
    key.times.sync_publish = known_everywhere_s;
    changed.push_back(key);
    settled.push_back(std::move(key));
  }
  const uint64_t announced_s = settled.back().times.sync_publish.value_or(known_everywhere_s);
  settled.pop_back();
  for (ZoneKey& key : settled) {
    key.times.sync_remove = announced_s;
    changed.push_back(std::move(key));
  }
  return changed;
}

std::vector<ZoneKey> hold_zsks(std::span<const ZoneKey> keys, uint64_t now_s,
                               const std::function<uint64_t(const ZoneKey& successor)>& known_s) {
  std::vector<ZoneKey> changed;
  for (const ZoneKey& next : keys) {
    if (next.is_entry_point() || !next.is_published_at(now_s) || !next.times.activate) continue;
    const uint64_t takes_over_s = *next.times.activate;
    const uint64_t known_at_s = known_s(next);
    if (takes_over_s >= known_at_s) continue;
    // Those that it takes over from; one that signs alone already is what there is.
    const auto is_predecessor = [&](const ZoneKey& key) {
      return &key != &next && !key.is_entry_point() && key.times.inactive &&
             *key.times.inactive >= takes_over_s && key.is_published_at(now_s);
    };
    if (std::ranges::none_of(keys, is_predecessor)) continue;
    for (const ZoneKey& key : keys) {
      if (!is_predecessor(key) || *key.times.inactive >= known_at_s) continue;
      ZoneKey longer = key;
      longer.times.inactive = known_at_s;
      if (key.times.remove) longer.times.remove = known_at_s + (*key.times.remove - takes_over_s);
      changed.push_back(std::move(longer));
    }
    // Last: a crash before leaves both to sign.
    ZoneKey later = next;
    later.times.activate = known_at_s;
    changed.push_back(std::move(later));
  }
  return changed;
}

Result<std::vector<ZoneKey>> confirm_ds(std::span<const ZoneKey> keys, uint64_t now_s,
                                        const RolloverTimes& times) {
  auto settled = pick(
      keys, [&](const ZoneKey& key) { return key.is_entry_point() && is_settled(key, now_s); });
  if (settled.size() < 2) return fail("no KSK or CSK waits for the parent");
  const ZoneKey newest = settled.back();
  settled.pop_back();
  if (!newest.is_sync_published_at(now_s)) {
    return fail("key " + std::to_string(newest.tag()) +
                " is not in all caches yet: its CDS is not published");
  }
  // A ZSK of another algorithm goes as well: the algorithm must leave as a whole.
  const auto others = pick(keys, [&](const ZoneKey& key) {
    return !key.is_entry_point() && is_settled(key, now_s) &&
           key.algorithm().number != newest.algorithm().number;
  });
  settled.insert(settled.end(), others.begin(), others.end());
  // The old DS is in caches for its TTL; what the old key alone signs is nothing.
  for (ZoneKey& key : settled) {
    key.times.inactive = now_s + times.ds_ttl_s + times.propagation_s;
    key.times.remove = key.times.inactive;
  }
  return settled;
}

}  // namespace holdfast::dnssec
