// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/setting_changes.h"

#include "config/keys.h"
#include "config/literal.h"

namespace holdfast::control {

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
    to.log = from.log;
    to.load = from.load;
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
