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
          list_.zones.push_back({*std::move(name), zone.file, *std::move(policy),
                                 std::make_shared<const TransferSetting>(zone.transfer)});
        }
      }
    }
    for (const DirectorySetting& setting : config_.directories) add_directory(setting);
    refuse_copies();
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
      list_.zones.push_back({*std::move(name), std::move(path), policy_, transfer_});
    } else {
      complain(setting, fmt::format("{}: {}; expected a file name NAME.zone with the zone's name",
                                    path, name.error().message));
    }
  }

  void refuse_copies() {
    std::unordered_map<std::string_view, const ZoneSource*> seen;
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
  ZoneList list_;
  std::map<std::string, std::shared_ptr<const PolicySetting>, std::less<>> policies_;
  std::shared_ptr<const PolicySetting> policy_;  // of the directory that is being read
};

}  // namespace

ZoneList list_zones(const Config& config) { return Lister(config).list(); }

}  // namespace holdfast::config
