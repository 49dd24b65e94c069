// SPDX-License-Identifier: GPL-3.0-or-later
// Catalogs of others that are followed (RFC 9432): their members are secondary zones, made of the
// settings of [[catalog]], that come and go as the catalog says.
//
// A catalog that is broken, has gone or is not there yet changes nothing: its members stay, and its
// facts say why. A member that is configured otherwise, or is another catalog's, is passed over and
// counted. Whose member each zone is outlives a restart in the file `catalog-members` of the state
// directory. Owner: the thread that owns zone memory.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/account_keeper.h"
#include "control/facts.h"
#include "control/transfers.h"
#include "control/zone_set.h"
#include "transfer/catalog.h"

namespace holdfast::control {

class Catalogs {
 public:
  struct Parts {
    zone::Memory& memory;
    ZoneSet& zones;
    const ZoneTable& table;
    Transfers& transfers;
    FactBoard& facts;
    AccountKeeper& accounts;
    std::string state_directory;
    std::function<void()> alive;  // called between two zones
  };
  // Reads what is known of members.
  explicit Catalogs(Parts parts);

  // `configured` with the members that are known, by the settings of `config`. What is configured
  // comes first.
  [[nodiscard]] std::vector<config::ZoneSource> with_members(
      std::vector<config::ZoneSource> configured, const config::Config& config) const;
  // The settings in force from now on, with the zones of with_members. All catalogs are looked at
  // again.
  void configure(const config::Config& config, std::span<const config::ZoneSource> zones);
  // A zone has another version.
  void on_published(wire::NameView apex);
  // Does what the catalogs say since the last call.
  void follow();

 private:
  struct Member {
    std::string catalog;
    transfer::CatalogMember entry;
  };
  struct MemberSetting {
    std::shared_ptr<const config::TransferSetting> transfer;
    std::shared_ptr<const config::PolicySetting> policy;  // null: members are served as they come
    std::shared_ptr<const std::string> account;           // null: they belong to none
  };
  struct Followed {
    // By group.
    std::map<std::string, MemberSetting> settings;
    std::shared_ptr<const std::string> name;
    size_t members_max = 0;
    CatalogFacts facts;
  };
  using FollowedMap = std::map<std::string, Followed>;
  struct Changes {
    std::set<std::string> removed;  // those that are reset included
    std::set<std::string> added;
    bool others = false;  // settings or owners
    size_t moved = 0;
  };

  [[nodiscard]] static FollowedMap followed_by(const config::Config& config);
  [[nodiscard]] static std::optional<config::ZoneSource> source_of(const FollowedMap& followed,
                                                                   const std::string& zone,
                                                                   const Member& member);
  void judge(const std::string& name, Changes& changes);
  void take(Followed& catalog, transfer::CatalogMember entry, Changes& changes);
  void apply(const Changes& changes);
  void keep() const;
  void read_kept();
  [[nodiscard]] std::string path() const { return parts_.state_directory + "/catalog-members"; }

  Parts parts_;
  FollowedMap followed_;
  std::map<std::string, Member> members_;  // by zone
  std::set<std::string> dirty_;            // catalogs to be looked at
};

}  // namespace holdfast::control
