// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/version_hold.h"

#include <algorithm>

#include "dnssec/rrsig.h"

namespace holdfast::dnssec {

namespace {

bool has_key(const VersionKeys& version, const ZoneKey& key) {
  return std::ranges::any_of(
      version.dnskeys, [&](Bytes rdata) { return std::ranges::equal(rdata, key.dnskey_rdata()); });
}

bool is_signed_by(const VersionKeys& version, const ZoneKey& key) {
  return std::ranges::any_of(version.soa_signatures, [&](Bytes rrsig) {
    return rrsig.size() >= rrsig_head_bytes &&
           rrsig[rrsig_algorithm_at] == key.algorithm().number &&
           load_be16(rrsig.data() + rrsig_tag_at) == key.tag();
  });
}

// From now: what the times have between two steps, but no longer than caches need.
uint64_t after_gap(const std::optional<uint64_t>& first_s, uint64_t then_s, uint64_t now_s,
                   uint64_t caches_s) {
  const uint64_t gap_s = first_s && then_s > *first_s ? then_s - *first_s : 0;
  return now_s + std::min(gap_s, caches_s);
}

// It signs no more, but did in the version that is served: its DNSKEY stays for caches.
bool leaves_too_early(const ZoneKey& key, const VersionKeys& version, uint64_t now_s) {
  return !key.is_entry_point() && key.times.inactive && *key.times.inactive <= now_s &&
         key.times.remove && is_signed_by(version, key) && has_key(version, key);
}

// The parent is told of `key` in place of `old`, which is served, at a time that was set for both.
bool is_told_with(const ZoneKey& key, const ZoneKey& old, const VersionKeys& version) {
  return &old != &key && old.is_entry_point() && old.times.sync_remove &&
         *old.times.sync_remove == *key.times.sync_publish && has_key(version, old);
}

void hold_sync(std::vector<ZoneKey>& keys, const VersionKeys& version, uint64_t now_s,
               uint64_t caches_s, std::vector<ZoneKey>& changed) {
  for (size_t i = 0; i < keys.size(); ++i) {
    ZoneKey& key = keys[i];
    if (!key.is_entry_point() || !key.times.sync_publish || !key.is_published_at(now_s)) continue;
    if (has_key(version, key)) continue;
    const uint64_t told_s = *key.times.sync_publish;
    const uint64_t known_s = after_gap(key.times.publish, told_s, now_s, caches_s);
    if (told_s >= known_s) continue;
    std::vector<ZoneKey*> olds;
    for (ZoneKey& old : keys) {
      if (is_told_with(key, old, version)) olds.push_back(&old);
    }
    if (olds.empty()) continue;
    // The new one first: a crash between leaves no CDS for a while, which asks for nothing.
    key.times.sync_publish = known_s;
    changed.push_back(key);
    for (ZoneKey* old : olds) {
      old->times.sync_remove = known_s;
      // What was laid out to come later does so.
      for (auto* later : {&old->times.inactive, &old->times.remove}) {
        if (*later) **later += known_s - told_s;
      }
      changed.push_back(*old);
    }
  }
}

}  // namespace

std::vector<ZoneKey> hold_for_version(std::span<const ZoneKey> own, const VersionKeys& version,
                                      uint64_t now_s, const RolloverTimes& times) {
  std::vector<ZoneKey> changed;
  const bool is_ours = std::ranges::any_of(
      own, [&](const ZoneKey& key) { return has_key(version, key) && is_signed_by(version, key); });
  if (!is_ours) return changed;
  const uint64_t keys_s = uint64_t{times.dnskey_ttl_s} + times.propagation_s;
  const uint64_t data_s = uint64_t{times.ttl_max_s} + times.propagation_s;
  std::vector<ZoneKey> keys(own.begin(), own.end());
  for (ZoneKey& key : keys) {
    if (!leaves_too_early(key, version, now_s)) continue;
    const uint64_t gone_s = after_gap(key.times.inactive, *key.times.remove, now_s, data_s);
    if (*key.times.remove >= gone_s) continue;
    key.times.remove = gone_s;
    changed.push_back(key);
  }
  // Its successor begins no sooner than its DNSKEY is known, and until then it signs on.
  const auto known_s = [&](const ZoneKey& successor) {
    if (has_key(version, successor)) return uint64_t{0};
    return after_gap(successor.times.publish, *successor.times.activate, now_s, keys_s);
  };
  for (ZoneKey key : hold_zsks(keys, now_s, known_s)) {
    const ZoneKey& old = *std::ranges::find(own, key.dnskey_rdata(), &ZoneKey::dnskey_rdata);
    const bool leaves = key.times.inactive && old.times.inactive && old.times.remove;
    if (leaves && *old.times.remove >= *old.times.inactive) {
      key.times.remove = *key.times.inactive + (*old.times.remove - *old.times.inactive);
    }
    put_key(keys, key);
    changed.push_back(std::move(key));
  }
  hold_sync(keys, version, now_s, std::max(keys_s, data_s), changed);
  return changed;
}

}  // namespace holdfast::dnssec
