// SPDX-License-Identifier: GPL-3.0-or-later
// A key of a zone: the pair, what its DNSKEY record says, and when it is used.
//
// Times are those of BIND's key files, seconds since 1970; one that is not there has not come. A
// key without any is published and signs from the first. Immutable but for its times; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dnssec/dnskey.h"
#include "dnssec/private_key.h"

namespace holdfast::dnssec {

struct KeyTimes {
  std::optional<uint64_t> created = {};
  std::optional<uint64_t> publish = {};       // DNSKEY in the zone
  std::optional<uint64_t> activate = {};      // signs
  std::optional<uint64_t> inactive = {};      // signs no more
  std::optional<uint64_t> remove = {};        // DNSKEY out of the zone
  std::optional<uint64_t> sync_publish = {};  // CDS and CDNSKEY in the zone
  std::optional<uint64_t> sync_remove = {};
  friend bool operator==(const KeyTimes&, const KeyTimes&) = default;
};

class ZoneKey {
 public:
  ZoneKey(wire::NameView zone, uint16_t flags, PrivateKey key);

  [[nodiscard]] wire::NameView zone() const { return zone_; }
  [[nodiscard]] const PrivateKey& key() const { return key_; }
  [[nodiscard]] const AlgorithmInfo& algorithm() const { return key_.algorithm(); }
  [[nodiscard]] uint16_t flags() const { return flags_; }
  [[nodiscard]] bool is_entry_point() const { return (flags_ & flag_secure_entry_point) != 0; }
  [[nodiscard]] const std::vector<uint8_t>& dnskey_rdata() const { return dnskey_; }
  [[nodiscard]] uint16_t tag() const { return tag_; }

  [[nodiscard]] bool is_published_at(uint64_t now_s) const;
  [[nodiscard]] bool is_active_at(uint64_t now_s) const;
  // Whether the parent is to be asked for a DS of it.
  [[nodiscard]] bool is_sync_published_at(uint64_t now_s) const;

  KeyTimes times;

 private:
  wire::Name zone_;
  uint16_t flags_;
  PrivateKey key_;
  std::vector<uint8_t> dnskey_;
  uint16_t tag_;
};

}  // namespace holdfast::dnssec
