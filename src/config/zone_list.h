// SPDX-License-Identifier: GPL-3.0-or-later
// The zones that a configuration asks for: its [[zone]] entries and every NAME.zone in the
// directories of its [[zones]].
//
// In a directory, "NAME.zone" is the zone NAME, with or without a final dot and with \DDD for
// bytes that a file name cannot hold (a slash is \047); "@.zone" is the root zone. Other files,
// names that begin with a dot, and folders are passed over. Called at start and at each reload:
// a million files are listed in about a second, without opening them.
//
// A [[published_catalog]] is a zone whose file the server writes itself, into `catalogs` in its
// state directory. The members of a [[catalog]] are not in the list: they come and go with it.
//
// The policy "default" has all defaults, unless a [[policy]] takes its name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/load.h"

namespace holdfast::config {

struct ZoneSource {
  std::string name;  // absolute text, lower case, with the final dot
  std::string file;  // empty for a secondary zone
  std::shared_ptr<const PolicySetting> policy = {};      // null: not signed here
  std::shared_ptr<const TransferSetting> transfer = {};  // of one entry, shared by its zones
  std::shared_ptr<const Membership> membership = {};     // of one entry; null: in no catalog
  std::shared_ptr<const std::string> catalog = {};       // whose member it is; null: configured
  std::shared_ptr<const std::string> account = {};       // null: it belongs to none
  bool is_published_catalog = false;                     // we write its file

  // It comes from other servers.
  [[nodiscard]] bool is_secondary() const { return file.empty(); }
  [[nodiscard]] bool takes_updates() const { return transfer && !transfer->update.empty(); }
};

struct ZoneList {
  std::vector<ZoneSource> zones;  // in order of the configuration, each directory sorted by name
  // Unreadable directories, bad names, a zone given twice, policies that are missing or impossible.
  ProblemList problems;
};

[[nodiscard]] ZoneList list_zones(const Config& config);

// The policy of that name, of which list_zones has checked that there is one; null for none.
[[nodiscard]] std::shared_ptr<const PolicySetting> policy_named(const Config& config,
                                                                const std::string& name);

// Absolute lower-case text of a name that parse_config has checked.
[[nodiscard]] std::string canonical_zone_name(const std::string& name);

}  // namespace holdfast::config
