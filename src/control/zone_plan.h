// SPDX-License-Identifier: GPL-3.0-or-later
// What a reload of zones would do: which files have changed, what is in them, what is wrong.
//
// Reads files and changes nothing. The parsed zones of a plan are all in memory at once, so that
// they can be applied whole or not at all.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/zone_list.h"
#include "control/parse_pool.h"
#include "control/zone_table.h"
#include "zone/draft.h"
#include "zone/memory.h"

namespace holdfast::control {

struct ReloadPlan {
  // What a reply to an operator lists of findings and of warnings; further ones are counted.
  static constexpr size_t texts_listed_max = 50;

  struct Update {
    config::ZoneSource source;
    ParseResult parsed;
    uint64_t refresh_unix_s = 0;  // of a zone that was signed
    // What differs from what is served, signed; none: all that was read is to be published.
    std::optional<zone::StagedChange> change = {};
  };
  std::vector<Update> updates;
  // Those that were not such, or not at all, or that are signed here from now on, or no longer.
  std::vector<config::ZoneSource> secondaries;
  // What goes on as it is, with other settings: zones that take dynamic updates, and secondary ones
  // that are signed here.
  std::vector<config::ZoneSource> updated;
  // By zone, where they are others than before, whatever else changes of it.
  std::map<std::string, std::shared_ptr<const config::TransferSetting>> transfers;
  std::vector<std::string> removals;
  std::vector<std::string> findings;  // not empty: it must not be applied
  size_t findings_suppressed = 0;
  std::vector<std::string> warnings;
  size_t warnings_suppressed = 0;
};

// What a zone depends on beside its files and the settings of all.
using SaltOf = std::function<uint64_t(const config::ZoneSource&)>;

// `alive` is called between two zones.
[[nodiscard]] ReloadPlan plan_reload(const ZoneTable& table,
                                     std::span<const config::ZoneSource> wanted,
                                     const ParseSettings& settings, const SaltOf& salt_of,
                                     const std::atomic<bool>& stop,
                                     const std::function<void()>& alive);
// Of one zone, read even if it seems unchanged.
[[nodiscard]] ReloadPlan plan_reload_of(const config::ZoneSource& source,
                                        const ParseSettings& settings, const SaltOf& salt_of);

// Threads for all cores that this process may use.
[[nodiscard]] ParseSettings parse_settings(const zone::LoadOptions& options);
// True if the version that `record` tells of was made from the same files with the same settings.
[[nodiscard]] bool is_unchanged(const ZoneRecord& record, const config::ZoneSource& source,
                                uint64_t salt);
// Adds to the findings, within the bound.
void add_finding(ReloadPlan& plan, std::string text);
// Findings as texts, errors first, with a last one for those that were only counted.
[[nodiscard]] std::vector<std::string> finding_texts(const zone::LoadReport& report);
// A sentence on what a publication changed.
[[nodiscard]] std::string describe_update(const std::string& zone, const ZoneRecord& before,
                                          const ZoneRecord& after,
                                          const zone::Publication& publication);

}  // namespace holdfast::control
