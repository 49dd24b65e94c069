// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/settings.h"

#include <algorithm>
#include <unordered_set>

#include "base/check.h"
#include "config/key_secret.h"

namespace holdfast::transfer {

namespace {

TsigKey to_key(const config::KeySetting& setting) {
  // parse_config has checked all of it.
  TsigKey key;
  key.name = wire::Name::from_text(setting.name).value();
  key.algorithm = tsig_algorithm_from_text(setting.algorithm).value();
  key.secret = config::key_secret_from_text(setting.secret).value();
  return key;
}

}  // namespace

Settings::Settings(const config::Config& config, std::span<const config::ZoneSource> zones,
                   std::shared_ptr<const TlsCredentials> tls)
    : tls_(std::move(tls)) {
  for (const config::KeySetting& key : config.keys) keys_.add(to_key(key));
  const config::TransferSetting nothing;
  Zones configured;
  for (const config::ZoneSource& zone : zones) {
    if (zone.catalog) continue;
    if (zone.transfer && !(*zone.transfer == nothing)) configured.emplace(zone.name, zone.transfer);
  }
  peers_ = peers_of(configured);
  zones_ = std::make_shared<const Zones>(std::move(configured));
}

// Settings are shared by many zones.
std::shared_ptr<const PeerAddresses> Settings::peers_of(const Zones& zones) {
  auto peers = std::make_shared<PeerAddresses>();
  std::unordered_set<const config::TransferSetting*> seen;
  for (const auto& [zone, setting] : zones) {
    if (setting && seen.insert(setting.get()).second) peers->add(*setting);
  }
  return peers;
}

std::shared_ptr<const Settings> Settings::with_members(
    std::span<const config::ZoneSource> members) const {
  Zones of_catalogs;
  of_catalogs.reserve(members.size());
  for (const config::ZoneSource& member : members) {
    of_catalogs.emplace(member.name, member.transfer);
  }
  auto settings = std::make_shared<Settings>(*this);
  settings->member_peers_ = peers_of(of_catalogs);
  settings->members_ = std::make_shared<const Zones>(std::move(of_catalogs));
  return settings;
}

std::shared_ptr<const Settings> Settings::with_members_of(const Settings& other) const {
  auto settings = std::make_shared<Settings>(*this);
  settings->members_ = other.members_;
  settings->member_peers_ = other.member_peers_;
  return settings;
}

std::shared_ptr<const config::TransferSetting> Settings::find(wire::NameView apex) const {
  wire::Name folded(apex);
  folded.fold_case();
  const std::string name = folded.view().to_text();
  if (const auto found = zones_->find(name); found != zones_->end()) return found->second;
  const auto member = members_->find(name);
  return member == members_->end() ? nullptr : member->second;
}

bool has_transfers(const config::Config& config) {
  const config::TransferSetting nothing;
  const auto is_set = [&](const auto& entry) { return !(entry.transfer == nothing); };
  return !config.keys.empty() || std::ranges::any_of(config.zones, is_set) ||
         std::ranges::any_of(config.directories, is_set) || !config.catalogs.empty() ||
         !config.published_catalogs.empty();
}

bool may_transfer(const config::TransferSetting& setting, const Requester& requester) {
  const std::string signer =
      requester.key == nullptr ? std::string() : requester.key->view().to_text();
  const auto is_secured = [&](const config::TlsDemand& demand) {
    if (!demand.required) return true;
    return requester.tls != nullptr && (demand.peer.empty() || requester.tls->is(demand.peer));
  };
  return std::ranges::any_of(setting.transfer_to, [&](const config::AccessRule& rule) {
    return rule.covers(requester.address) && (rule.key.empty() || rule.key == signer) &&
           is_secured(rule.tls);
  });
}

}  // namespace holdfast::transfer
