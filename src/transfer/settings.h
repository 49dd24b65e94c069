// SPDX-License-Identifier: GPL-3.0-or-later
// What the configuration says of transfers: keys, and for each zone who may have it.
//
// Made anew at each reload and never changed afterwards; whoever uses one keeps it.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>

#include "config/config.h"
#include "config/zone_list.h"
#include "transfer/peer_addresses.h"
#include "transfer/tls.h"
#include "transfer/tsig.h"

namespace holdfast::transfer {

class Settings {
 public:
  Settings() = default;
  Settings(const config::Config& config, std::span<const config::ZoneSource> zones,
           std::shared_ptr<const TlsCredentials> tls = nullptr);
  // The same with these members of catalogs; what is configured comes before them.
  [[nodiscard]] std::shared_ptr<const Settings> with_members(
      std::span<const config::ZoneSource> members) const;
  // The same with the members of `other`.
  [[nodiscard]] std::shared_ptr<const Settings> with_members_of(const Settings& other) const;

  [[nodiscard]] const TsigKeys& keys() const { return keys_; }
  // Null: nothing goes within TLS.
  [[nodiscard]] const TlsCredentials* tls() const { return tls_.get(); }
  [[nodiscard]] std::shared_ptr<const TlsCredentials> share_tls() const { return tls_; }
  // What is set for the zone; nothing if that is nothing.
  [[nodiscard]] std::shared_ptr<const config::TransferSetting> find(wire::NameView apex) const;
  // Whether some zone's settings name this address of 4 or 16 bytes.
  [[nodiscard]] bool names(Bytes address) const {
    return peers_->has(address) || member_peers_->has(address);
  }
  // Calls `visit(zone, setting)` for each zone for which something is set; the setting is shared by
  // many zones.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [zone, setting] : *zones_) visit(zone, setting);
    for (const auto& [zone, setting] : *members_) {
      if (!zones_->contains(zone)) visit(zone, setting);
    }
  }

 private:
  using Zones = std::unordered_map<std::string, std::shared_ptr<const config::TransferSetting>>;

  [[nodiscard]] static std::shared_ptr<const PeerAddresses> peers_of(const Zones& zones);

  TsigKeys keys_;
  std::shared_ptr<const TlsCredentials> tls_;
  // By canonical text. Only zones for which something is set.
  std::shared_ptr<const Zones> zones_ = std::make_shared<const Zones>();
  std::shared_ptr<const Zones> members_ = std::make_shared<const Zones>();
  // Of these.
  std::shared_ptr<const PeerAddresses> peers_ = std::make_shared<const PeerAddresses>();
  std::shared_ptr<const PeerAddresses> member_peers_ = std::make_shared<const PeerAddresses>();
};

// Whether anything is set at all, so that requests may be passed on to control.
[[nodiscard]] bool has_transfers(const config::Config& config);

struct Requester {
  Bytes address;                    // 4 or 16 bytes
  const wire::Name* key = nullptr;  // that signed the request; null: none
  const TlsClient* tls = nullptr;   // null: it came in the clear
};
[[nodiscard]] bool may_transfer(const config::TransferSetting& setting, const Requester& requester);

// The settings in force, for several threads.
class SettingsBoard {
 public:
  void publish(std::shared_ptr<const Settings> settings) {
    const std::scoped_lock lock(mutex_);
    settings_ = std::move(settings);
  }
  [[nodiscard]] std::shared_ptr<const Settings> read() const {
    const std::scoped_lock lock(mutex_);
    return settings_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Settings> settings_ = std::make_shared<const Settings>();
};

}  // namespace holdfast::transfer
