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
#include "transfer/tsig.h"

namespace holdfast::transfer {

class Settings {
 public:
  Settings() = default;
  Settings(const config::Config& config, std::span<const config::ZoneSource> zones);

  [[nodiscard]] const TsigKeys& keys() const { return keys_; }
  // What is set for the zone; nothing if that is nothing.
  [[nodiscard]] std::shared_ptr<const config::TransferSetting> find(wire::NameView apex) const;
  // Calls `visit(zone, setting)` for each zone for which something is set.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [zone, setting] : zones_) visit(zone, *setting);
  }

 private:
  TsigKeys keys_;
  // By canonical text. Only zones for which something is set.
  std::unordered_map<std::string, std::shared_ptr<const config::TransferSetting>> zones_;
};

// Whether anything is set at all, so that requests may be passed on to control.
[[nodiscard]] bool has_transfers(const config::Config& config);

// Whether a client with this address (4 or 16 bytes) may transfer the zone. `key` is the one that
// signed its request, or null.
[[nodiscard]] bool may_transfer(const config::TransferSetting& setting, Bytes address,
                                const wire::Name* key);

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
