// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a key of a zone under a tag that no other of its keys has.
//
// RRSIG and DS name a key by its algorithm and tag (RFC 4034 App. B), key files do the same, and
// what is kept of keys goes by the tag alone. Of 65,536 tags two may be the same; then the new key
// is made once more. The tag that a key gets when it is revoked counts as well (RFC 5011 §7).
// Any thread.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>

#include "dnssec/zone_key.h"

namespace holdfast::dnssec {

// Called for a new key, and again where its tag is taken.
using MakeKey = std::function<Result<PrivateKey>()>;

// Tags that new keys must not have, of keys of whatever algorithm.
class TakenTags {
 public:
  TakenTags() = default;
  explicit TakenTags(std::span<const ZoneKey> keys);
  // As it is, and as it would be if it was revoked.
  void add(Bytes dnskey_rdata);
  void add(const TakenTags& others) { tags_.insert(others.tags_.begin(), others.tags_.end()); }
  [[nodiscard]] bool holds(Bytes dnskey_rdata) const;

 private:
  std::set<uint16_t> tags_;
};

// Of the keys of other signers, and of a KSK that is kept offline, which lie in a zone's key
// folder.
[[nodiscard]] Result<TakenTags> tags_of_others(const std::string& folder, wire::NameView zone);

// With 128 tags taken, all of these are in vain once in 10^19 keys, or where `make` gives one key
// again and again.
constexpr int key_tries_max = 8;

// Without times. Each key in vain that lies in a token is removed from there if the token lets us.
[[nodiscard]] Result<ZoneKey> make_new_key(wire::NameView zone, uint16_t flags,
                                           const TakenTags& taken, const MakeKey& make);

}  // namespace holdfast::dnssec
