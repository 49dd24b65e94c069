// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/setting_changes.h"

#include <algorithm>
#include <map>

#include "config/keys.h"
#include "config/literal.h"

namespace holdfast::control {

namespace {

// By zone or directory, where anything is set.
std::map<std::string, config::TransferSetting> transfers_of(const config::Config& config) {
  const config::TransferSetting nothing;
  std::map<std::string, config::TransferSetting> transfers;
  for (const config::ZoneSetting& zone : config.zones) {
    if (!(zone.transfer == nothing)) transfers.emplace("zone " + zone.name, zone.transfer);
  }
  for (const config::DirectorySetting& entry : config.directories) {
    if (!(entry.transfer == nothing)) transfers.emplace(entry.directory, entry.transfer);
  }
  for (const config::CatalogSetting& entry : config.catalogs) {
    transfers.emplace("catalog " + entry.name + " " + entry.group, entry.transfer);
  }
  for (const config::PublishedCatalogSetting& entry : config.published_catalogs) {
    transfers.emplace("published " + entry.name, entry.transfer);
  }
  return transfers;
}

bool have_same_transfers(const config::Config& before, const config::Config& after) {
  const auto same_key = [](const config::KeySetting& a, const config::KeySetting& b) {
    return a.name == b.name && a.algorithm == b.algorithm && a.secret == b.secret;
  };
  const auto same_peer = [](const config::TlsPeerSetting& a, const config::TlsPeerSetting& b) {
    return a.name == b.name && a.hostname == b.hostname && a.ca == b.ca && a.pins == b.pins &&
           a.needs_alpn == b.needs_alpn;
  };
  return std::ranges::equal(before.keys, after.keys, same_key) &&
         std::ranges::equal(before.tls_peers, after.tls_peers, same_peer) &&
         transfers_of(before) == transfers_of(after);
}

}  // namespace

std::vector<std::string> describe_changes(const config::Config& before,
                                          const config::Config& after) {
  // Without the zones, of which there may be very many.
  config::Draft old_draft;
  config::Draft new_draft;
  const auto copy_settings = [](const config::Config& from, config::Config& to) {
    to.server = from.server;
    to.metrics = from.metrics;
    to.answers = from.answers;
    to.cookies = from.cookies;
    to.tcp = from.tcp;
    to.dnstap = from.dnstap;
    to.xdp = from.xdp;
    to.shield = from.shield;
    to.log = from.log;
    to.load = from.load;
    to.tls = from.tls;
  };
  copy_settings(before, old_draft.config);
  copy_settings(after, new_draft.config);
  std::vector<std::string> changes;
  for (const config::Table& table : config::all_tables()) {
    if (table.kind == config::TableKind::array_of_tables) continue;
    for (const config::Key& key : table.keys) {
      const config::Value was = key.get(old_draft);
      const config::Value is = key.get(new_draft);
      if (was == is) continue;
      changes.push_back(key.kind == config::Kind::secret
                            ? key.full_name() + ": another secret"
                            : key.full_name() + ": " + config::to_literal(was) + " to " +
                                  config::to_literal(is));
    }
  }
  if (!have_same_transfers(before, after)) {
    changes.emplace_back("keys and transfer settings: others");
  }
  // A secret that stands in a file of its own changes without its key.
  if (before.cookies.active != after.cookies.active && !after.cookies.active_file.empty() &&
      before.cookies.active_file == after.cookies.active_file) {
    changes.push_back(after.cookies.active_file + ": another secret");
  }
  if (before.cookies.staged != after.cookies.staged && !after.cookies.staged_file.empty() &&
      before.cookies.staged_file == after.cookies.staged_file) {
    changes.push_back(after.cookies.staged_file + ": another secret");
  }
  return changes;
}

}  // namespace holdfast::control
