// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/zone_list.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>

#include "wire/name.h"

namespace holdfast::config {

namespace {

constexpr std::string_view suffix = ".zone";
constexpr std::string_view root_stem = "@";
constexpr const char* default_policy = "default";

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

Result<std::string> canonical_name(std::string_view text) {
  wire::Name name = TRY(wire::Name::from_text(text));
  name.fold_case();
  return name.view().to_text();
}

bool is_zone_file(const dirent& entry) {
  const std::string_view name = entry.d_name;
  return name.size() > suffix.size() && name.ends_with(suffix) && !name.starts_with('.') &&
         entry.d_type != DT_DIR;
}

std::shared_ptr<const std::string> account_named(const std::string& name) {
  return name.empty() ? nullptr : std::make_shared<const std::string>(name);
}

std::string origin_of(const ZoneSource& zone) {
  return zone.is_secondary() ? "its primaries" : zone.file;
}

class Lister {
 public:
  explicit Lister(const Config& config) : config_(config) {}

  ZoneList list() {
    read_policies();
    for (const ZoneSetting& zone : config_.zones) {
      // parse_config has checked the name.
      if (Result<std::string> name = canonical_name(zone.name)) {
        auto policy = find_policy("zone", zone.policy, zone.line);
        if (policy) {
          list_.zones.push_back({.name = *std::move(name),
                                 .file = zone.file,
                                 .policy = *std::move(policy),
                                 .transfer = std::make_shared<const TransferSetting>(zone.transfer),
                                 .membership = membership_of("zone", zone.membership, zone.line),
                                 .account = account_named(zone.account)});
        }
      }
    }
    for (const DirectorySetting& setting : config_.directories) add_directory(setting);
    for (const PublishedCatalogSetting& setting : config_.published_catalogs)
      add_published(setting);
    refuse_copies();
    check_catalogs();
    return std::move(list_);
  }

 private:
  void complain(const DirectorySetting& setting, std::string message) {
    list_.problems.add({config_.source, setting.line, 1, std::move(message)});
  }

  void add_directory(const DirectorySetting& setting) {
    const std::unique_ptr<DIR, CloseDirectory> directory(opendir(setting.directory.c_str()));
    if (!directory) {
      complain(setting, fmt::format("zones.directory: {}: {}; expected a readable folder",
                                    setting.directory, std::strerror(errno)));
      return;
    }
    const auto policy = find_policy("zones", setting.policy, setting.line);
    if (!policy) return;
    policy_ = *policy;
    const size_t first = list_.zones.size();
    transfer_ = std::make_shared<const TransferSetting>(setting.transfer);
    membership_ = membership_of("zones", setting.membership, setting.line);
    account_ = account_named(setting.account);
    while (true) {
      errno = 0;  // readdir tells its end from a failure by this alone
      const dirent* entry = readdir(directory.get());
      if (!entry) break;
      if (is_zone_file(*entry)) add_file(setting, entry->d_name);
    }
    if (errno != 0) {
      complain(setting,
               fmt::format("zones.directory: {}: {}", setting.directory, std::strerror(errno)));
    }
    std::sort(list_.zones.begin() + static_cast<ptrdiff_t>(first), list_.zones.end(),
              [](const ZoneSource& a, const ZoneSource& b) { return a.name < b.name; });
  }

  void add_file(const DirectorySetting& setting, std::string_view file) {
    const std::string_view stem = file.substr(0, file.size() - suffix.size());
    Result<std::string> name = canonical_name(stem == root_stem ? "." : stem);
    std::string path = setting.directory + "/" + std::string(file);
    if (name) {
      list_.zones.push_back({.name = *std::move(name),
                             .file = std::move(path),
                             .policy = policy_,
                             .transfer = transfer_,
                             .membership = membership_,
                             .account = account_});
    } else {
      complain(setting, fmt::format("{}: {}; expected a file name NAME.zone with the zone's name",
                                    path, name.error().message));
    }
  }

  void add_published(const PublishedCatalogSetting& setting) {
    ZoneSource source{.name = canonical_zone_name(setting.name), .file = config_.server.state};
    source.file += "/catalogs/";
    for (const char byte : source.name) source.file += byte == '/' ? "\\047" : std::string(1, byte);
    source.file += "zone";  // the name ends with a dot
    source.transfer = std::make_shared<const TransferSetting>(setting.transfer);
    source.is_published_catalog = true;
    list_.zones.push_back(std::move(source));
  }

  std::shared_ptr<const Membership> membership_of(std::string_view table, const Membership& setting,
                                                  uint32_t line) {
    if (setting.catalog.empty()) {
      if (setting == Membership{}) return nullptr;
      list_.problems.add({config_.source, line, 1,
                          fmt::format("{}.catalog is empty; expected the name of a "
                                      "[[published_catalog]], or no catalog_group and catalog_next",
                                      table)});
      return nullptr;
    }
    Membership known = setting;
    known.catalog = canonical_zone_name(setting.catalog);
    if (!setting.next_catalog.empty()) known.next_catalog = canonical_zone_name(known.next_catalog);
    const bool is_published =
        std::ranges::any_of(config_.published_catalogs, [&](const auto& published) {
          return canonical_zone_name(published.name) == known.catalog;
        });
    if (is_published) return std::make_shared<const Membership>(std::move(known));
    list_.problems.add({config_.source, line, 1,
                        fmt::format("{}.catalog is \"{}\", which no [[published_catalog]] defines",
                                    table, setting.catalog)});
    return nullptr;
  }

  // Each is a zone that we have, and is given once for each group.
  void check_catalogs() {
    std::map<std::pair<std::string, std::string>, uint32_t> seen;
    for (const CatalogSetting& setting : config_.catalogs) {
      std::string name = canonical_zone_name(setting.name);
      const bool is_zone = seen_.contains(name);
      static_cast<void>(find_policy("catalog", setting.policy, setting.line));
      const auto [first, is_new] = seen.try_emplace({std::move(name), setting.group}, setting.line);
      if (!is_zone) {
        list_.problems.add(
            {config_.source, setting.line, 1,
             fmt::format("catalog.name is \"{}\"; expected the name of a [[zone]]", setting.name)});
      }
      if (!is_new) {
        list_.problems.add({config_.source, setting.line, 1,
                            fmt::format("catalog \"{}\" with group \"{}\" is given in line {} "
                                        "already; expected each once",
                                        setting.name, setting.group, first->second)});
      }
    }
  }

  void refuse_copies() {
    auto& seen = seen_;
    seen.reserve(list_.zones.size());
    for (const ZoneSource& zone : list_.zones) {
      const auto [first, is_new] = seen.try_emplace(zone.name, &zone);
      if (is_new) continue;
      list_.problems.add({config_.source, 0, 0,
                          fmt::format("zone {} is given by {} and by {}; expected each zone once",
                                      zone.name, origin_of(*first->second), origin_of(zone))});
    }
  }

  void read_policies() {
    policies_.emplace(default_policy,
                      std::make_shared<const PolicySetting>(PolicySetting{.name = default_policy}));
    for (const PolicySetting& policy : config_.policies) {
      check_policy(policy);
      auto [known, is_new] = policies_.try_emplace(policy.name);
      const bool is_default = policy.name == default_policy && known->second->line == 0;
      if (!is_new && !is_default) {
        list_.problems.add({config_.source, policy.line, 1,
                            fmt::format("policy.name is \"{}\", which line {} has already",
                                        policy.name, known->second->line)});
      }
      known->second = std::make_shared<const PolicySetting>(policy);
    }
  }

  void check_policy(const PolicySetting& policy) {
    check_validity(policy);
    const auto complain = [&](bool is_wrong, std::string_view what) {
      if (!is_wrong) return;
      list_.problems.add(
          {config_.source, policy.line, 1, fmt::format("policy \"{}\": {}", policy.name, what)});
    };
    complain(!policy.signers.empty() && policy.parents.empty(),
             "signers without parents; expected the servers that are to have the DS of all");
    std::set<std::string_view> names;
    for (const SignerSetting& signer : policy.signers) names.insert(signer.name);
    complain(names.size() != policy.signers.size(),
             "signers holds a name twice; expected each to have one of its own");
    complain(!policy.signers.empty() && policy.unsign,
             "both signers and unsign; expected the signers to leave first");
    if (!policy.offline_ksk) return;
    complain(!policy.signers.empty() || policy.unsign,
             "offline_ksk with signers or unsign; expected what others sign to be left as it is");
    complain(!policy.secondaries.empty(),
             "offline_ksk with secondaries; expected the rolls that are laid out ahead to wait for "
             "nobody");
    complain(policy.zsk_lifetime_s != 0 || policy.ksk_lifetime_s != 0 || policy.roll_algorithm,
             "offline_ksk with keys that roll by themselves; expected `holdfast key request` to "
             "lay out their rolls");
  }

  void check_validity(const PolicySetting& policy) {
    const uint64_t least = uint64_t{policy.signature_refresh_s} + policy.signature_jitter_s;
    if (policy.signature_validity_s > least) return;
    list_.problems.add(
        {config_.source, policy.line, 1,
         fmt::format("policy \"{}\": signature_validity_s is {}; expected more than refresh and "
                     "jitter together, which are {}",
                     policy.name, policy.signature_validity_s, least)});
  }

  // Null for no policy; nothing if there is none such: the zone must not be served unsigned then.
  std::optional<std::shared_ptr<const PolicySetting>> find_policy(std::string_view table,
                                                                  const std::string& name,
                                                                  uint32_t line) {
    if (name.empty()) return std::shared_ptr<const PolicySetting>();
    const auto found = policies_.find(name);
    if (found != policies_.end()) return found->second;
    list_.problems.add({config_.source, line, 1,
                        fmt::format("{}.policy is \"{}\"; expected the name of a [[policy]], or "
                                    "\"default\"",
                                    table, name)});
    return std::nullopt;
  }

  const Config& config_;
  std::shared_ptr<const TransferSetting> transfer_;  // of the directory being listed
  std::shared_ptr<const Membership> membership_;     // of the same
  std::shared_ptr<const std::string> account_;       // of the same
  std::unordered_map<std::string_view, const ZoneSource*> seen_;
  ZoneList list_;
  std::map<std::string, std::shared_ptr<const PolicySetting>, std::less<>> policies_;
  std::shared_ptr<const PolicySetting> policy_;  // of the directory that is being read
};

}  // namespace

std::string canonical_zone_name(const std::string& name) { return canonical_name(name).value(); }

std::shared_ptr<const PolicySetting> policy_named(const Config& config, const std::string& name) {
  if (name.empty()) return nullptr;
  const auto found = std::ranges::find(config.policies, name, &PolicySetting::name);
  return std::make_shared<const PolicySetting>(
      found == config.policies.end() ? PolicySetting{.name = name} : *found);
}

ZoneList list_zones(const Config& config) { return Lister(config).list(); }

}  // namespace holdfast::config
