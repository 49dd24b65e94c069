// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/catalogs.h"

#include <algorithm>
#include <sstream>
#include <unordered_set>

#include "base/file.h"
#include "log/log.h"

namespace holdfast::control {

namespace {

using log::Category;

// A line for each member: more than catalogs of ours could ever have.
constexpr size_t kept_bytes_max = size_t{2} << 30;

std::string text_of(wire::NameView name) {
  wire::Name folded(name);
  folded.fold_case();
  return folded.view().to_text();
}

// Without blanks, so that a line can be cut at them; "-" for nothing.
std::string escaped(const std::string& text) {
  if (text.empty()) return "-";
  std::string result;
  for (const char byte : text) {
    const bool is_plain = byte > ' ' && byte <= '~' && byte != '\\' && byte != '-';
    if (is_plain) {
      result += byte;
      continue;
    }
    const auto value = static_cast<uint8_t>(byte);
    result += '\\';
    for (const int divisor : {100, 10, 1}) {
      result += static_cast<char>('0' + value / divisor % 10);
    }
  }
  return result;
}

std::string unescaped(const std::string& text) {
  if (text == "-") return {};
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 3 >= text.size()) {
      result += text[i];
      continue;
    }
    int value = 0;
    for (size_t digit = 1; digit <= 3; ++digit) value = value * 10 + (text[i + digit] - '0');
    result += static_cast<char>(value);
    i += 3;
  }
  return result;
}

}  // namespace

Catalogs::Catalogs(Parts parts) : parts_(std::move(parts)) { read_kept(); }

Catalogs::FollowedMap Catalogs::followed_by(const config::Config& config) {
  FollowedMap followed;
  for (const config::CatalogSetting& setting : config.catalogs) {
    const std::string name = config::canonical_zone_name(setting.name);
    Followed& catalog = followed[name];
    catalog.name = std::make_shared<const std::string>(name);
    catalog.facts.name = name;
    catalog.members_max = std::max<size_t>(catalog.members_max, setting.members_max);
    catalog.settings.emplace(
        setting.group,
        MemberSetting{.transfer = std::make_shared<const config::TransferSetting>(setting.transfer),
                      .policy = config::policy_named(config, setting.policy),
                      .account = setting.account.empty()
                                     ? nullptr
                                     : std::make_shared<const std::string>(setting.account)});
  }
  return followed;
}

// Nothing if it is no member of what is followed, or of no group that has settings.
std::optional<config::ZoneSource> Catalogs::source_of(const FollowedMap& followed,
                                                      const std::string& zone,
                                                      const Member& member) {
  const auto catalog = followed.find(member.catalog);
  if (catalog == followed.end()) return std::nullopt;
  const auto& settings = catalog->second.settings;
  auto setting = settings.find(member.entry.group);
  if (setting == settings.end()) setting = settings.find("");
  if (setting == settings.end()) return std::nullopt;
  config::ZoneSource source{.name = zone, .file = {}};
  source.transfer = setting->second.transfer;
  source.policy = setting->second.policy;
  source.account = setting->second.account;
  source.catalog = catalog->second.name;
  return source;
}

std::vector<config::ZoneSource> Catalogs::with_members(std::vector<config::ZoneSource> configured,
                                                       const config::Config& config) const {
  const FollowedMap followed = followed_by(config);
  if (followed.empty() || members_.empty()) return configured;
  // Copies: the list grows meanwhile.
  std::unordered_set<std::string> names;
  for (const config::ZoneSource& source : configured) names.insert(source.name);
  for (const auto& [zone, member] : members_) {
    if (names.contains(zone)) continue;
    if (auto source = source_of(followed, zone, member)) configured.push_back(*std::move(source));
  }
  return configured;
}

void Catalogs::configure(const config::Config& config, std::span<const config::ZoneSource> zones) {
  parts_.accounts.follow(zones);
  FollowedMap followed = followed_by(config);
  for (auto& [name, catalog] : followed) {
    const auto before = followed_.find(name);
    if (before != followed_.end()) catalog.facts = before->second.facts;
    dirty_.insert(name);
  }
  const bool was_following = !followed_.empty();
  followed_ = std::move(followed);
  if (followed_.empty() && !was_following && members_.empty()) return;
  std::unordered_set<std::string_view> current;
  for (const config::ZoneSource& zone : zones) {
    if (zone.catalog) current.insert(zone.name);
  }
  std::erase_if(members_, [&](const auto& entry) { return !current.contains(entry.first); });
  Changes changes;
  changes.others = true;
  apply(changes);
}

void Catalogs::on_published(wire::NameView apex) {
  if (followed_.empty()) return;
  std::string name = text_of(apex);
  if (followed_.contains(name)) dirty_.insert(std::move(name));
}

void Catalogs::follow() {
  if (dirty_.empty()) return;
  Changes changes;
  // What one gives up another may take: those that were passed over are asked again, once.
  for (int round = 0; round < 2 && !dirty_.empty(); ++round) {
    const size_t before = changes.removed.size() + changes.moved;
    for (const std::string& name : std::exchange(dirty_, {})) {
      if (followed_.contains(name)) judge(name, changes);
    }
    if (round > 0 || changes.removed.size() + changes.moved == before) break;
    for (const auto& [name, catalog] : followed_) {
      if (catalog.facts.passed_over > 0) dirty_.insert(name);
    }
  }
  apply(changes);
}

void Catalogs::judge(const std::string& name, Changes& changes) {
  Followed& catalog = followed_.at(name);
  const auto view = parts_.memory.find(wire::Name::from_text(name).value());
  if (!view || !view->available()) {
    catalog.facts.error = "it is not there";
    return;
  }
  auto read = transfer::read_catalog(*view, catalog.members_max);
  if (!read) {
    catalog.facts.error =
        "serial " + std::to_string(view->serial()) + " is broken: " + read.error().message;
    ++catalog.facts.broken;
    log::error(Category::zones, "catalog-broken",
               "catalog " + name + ", " + catalog.facts.error + "; its members stay as they were");
    return;
  }
  catalog.facts.error.clear();
  catalog.facts.serial = view->serial();
  catalog.facts.passed_over = 0;
  std::unordered_set<std::string> named;
  const size_t removed_before = changes.removed.size();
  const size_t added_before = changes.added.size();
  for (transfer::CatalogMember& entry : *read) {
    parts_.alive();
    named.insert(entry.zone);
    take(catalog, std::move(entry), changes);
  }
  std::erase_if(members_, [&](const auto& member) {
    if (member.second.catalog != name || named.contains(member.first)) return false;
    changes.removed.insert(member.first);
    changes.added.erase(member.first);
    return true;
  });
  log::info(Category::zones, "catalog-followed",
            "catalog " + name + ": serial " + std::to_string(view->serial()) + ", " +
                std::to_string(read->size()) + " members",
            {{"added", std::to_string(changes.added.size() - added_before)},
             {"removed", std::to_string(changes.removed.size() - removed_before)},
             {"passed_over", std::to_string(catalog.facts.passed_over)}});
}

void Catalogs::take(Followed& catalog, transfer::CatalogMember entry, Changes& changes) {
  const std::string& name = *catalog.name;
  const std::string zone = entry.zone;
  const auto known = members_.find(zone);
  const auto pass_over = [&](const std::string& why) {
    if (++catalog.facts.passed_over > CatalogFacts::told_max) return;
    log::warning(Category::zones, "catalog-member-passed-over",
                 "catalog " + name + " has zone " + zone + ", which " + why);
  };
  if (known == members_.end()) {
    const auto record = parts_.table.find(zone);
    const bool is_ours = record && !record->catalog && !changes.removed.contains(zone);
    if (is_ours) return pass_over("is configured here");
    Member member{.catalog = name, .entry = std::move(entry)};
    if (!source_of(followed_, zone, member)) return pass_over("has no settings for its group");
    members_.emplace(zone, std::move(member));
    changes.added.insert(zone);
    return;
  }
  Member& member = known->second;
  // RFC 9432 §5.4: another zone of the same name; what is known of the first goes.
  const bool is_another = member.entry.unique != entry.unique && !changes.added.contains(zone);
  if (member.catalog != name) {
    // RFC 9432 §4.3.1: only to whom its owner gives it.
    if (member.entry.next_catalog != name) {
      return pass_over("is a member of " + member.catalog);
    }
    ++changes.moved;
    member.catalog = name;
    changes.added.insert(zone);  // with other settings; what is served of it stays
    log::info(Category::zones, "catalog-member-moved",
              "zone " + zone + " is a member of " + name + " from now on");
  }
  if (is_another) {
    changes.removed.insert(zone);
    changes.added.insert(zone);
  }
  if (member.entry.group != entry.group) {
    changes.others = true;
    changes.added.insert(zone);  // it may be signed here from now on, or no longer
  }
  member.entry = std::move(entry);
}

void Catalogs::apply(const Changes& changes) {
  std::vector<CatalogFacts> facts;
  std::map<std::string, uint64_t> counts;
  const bool is_changed =
      changes.others || changes.moved > 0 || !changes.removed.empty() || !changes.added.empty();
  if (is_changed) {
    for (const std::string& zone : changes.removed) parts_.zones.remove_member(zone);
    for (const std::string& zone : changes.added) {
      const auto source = source_of(followed_, zone, members_.at(zone));
      if (source) parts_.zones.add_member(*source);
    }
    std::vector<config::ZoneSource> sources;
    for (const auto& [zone, member] : members_) {
      if (auto source = source_of(followed_, zone, member)) sources.push_back(*std::move(source));
    }
    parts_.transfers.apply_members(sources);
    parts_.accounts.add(sources);
    // Those that begin anew are known already, and would be asked for when they are due.
    for (const std::string& zone : changes.removed) {
      if (!changes.added.contains(zone)) continue;
      static_cast<void>(parts_.transfers.refresh(zone, transfer::Refresh::whole));
    }
    keep();
  }
  for (const auto& [zone, member] : members_) ++counts[member.catalog];
  for (auto& [name, catalog] : followed_) {
    catalog.facts.members = counts[name];
    facts.push_back(catalog.facts);
  }
  parts_.facts.update([&](Facts& to) { to.catalogs = std::move(facts); });
}

// One line a member: zone, catalog, unique label, next catalog, group.
void Catalogs::keep() const {
  std::string text;
  for (const auto& [zone, member] : members_) {
    text += escaped(zone) + ' ' + escaped(member.catalog) + ' ' + escaped(member.entry.unique) +
            ' ' + escaped(member.entry.next_catalog) + ' ' + escaped(member.entry.group) + '\n';
  }
  constexpr unsigned mode = 0640;
  const Bytes bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  if (const auto kept = replace_file(path(), bytes, mode); !kept) {
    log::warning(Category::zones, "catalog-members-unwritable",
                 "whose members zones are cannot be noted: " + kept.error().message);
  }
}

// A line that cannot be read is passed over: its catalog brings the member back, as a new one.
void Catalogs::read_kept() {
  const auto text = read_file(path(), kept_bytes_max);
  if (!text) return;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::array<std::string, 5> word;
    for (std::string& part : word) words >> part;
    for (std::string& part : word) part = unescaped(part);
    const auto name = wire::Name::from_text(word[0]);
    if (words.fail() || !name || text_of(*name) != word[0]) continue;
    members_[word[0]] = {
        .catalog = word[1],
        .entry = {.zone = word[0], .unique = word[2], .group = word[4], .next_catalog = word[3]}};
  }
}

}  // namespace holdfast::control
