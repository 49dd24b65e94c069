// SPDX-License-Identifier: GPL-3.0-or-later
// Zones that come from other servers: what is kept of them, and what is received.
#include <ctime>

#include "base/check.h"
#include "control/zone_set.h"
#include "log/log.h"

namespace holdfast::control {

namespace {

using log::Category;

std::string text_of(wire::NameView name) {
  wire::Name folded(name);
  folded.fold_case();
  return folded.view().to_text();
}

}  // namespace

void ZoneSet::take_up_secondary(const config::ZoneSource& source) {
  const wire::Name apex = wire::Name::from_text(source.name).value();
  ZoneRecord record;
  record.state = ZoneState::serving;
  record.catalog = source.catalog;
  const auto view = memory_.find(apex);
  if (view && view->available()) {
    set_served_version(record, *view);
    const KnownSource* known = register_.find(source.name);
    if (known != nullptr && known->generation == record.generation) {
      record.loaded_unix_s = known->loaded_unix_s;
    }
  } else if (!restore(source.name, record)) {
    record.state = ZoneState::failed;
    record.findings = {"no transfer from its primaries has come through yet"};
    if (const auto entered = memory_.publish_unavailable(apex); !entered) {
      record.findings.push_back(entered.error().message);
    }
  }
  table_.put(source.name, std::move(record));
}

void ZoneSet::remove_member(const std::string& zone) {
  last_good_.remove(wire::Name::from_text(zone).value());
  table_.erase(zone);
  refreshes_.erase(zone);
  alive_();
}

Result<void> ZoneSet::publish_received(const zone::Contents& contents, const std::string& source) {
  const std::string zone = text_of(contents.apex());
  const auto before = table_.find(zone);
  if (!before || !before->file.empty()) {
    return fail("the zone was taken out of the configuration meanwhile");
  }
  const zone::Publication publication = TRY(last_good_.publish(contents, source));
  ZoneRecord record;
  record.state = ZoneState::serving;
  record.catalog = before->catalog;
  const auto view = memory_.find(contents.apex());
  CHECK(view.has_value());
  set_served_version(record, *view);
  const bool is_same = record.generation == before->generation;
  record.loaded_unix_s = is_same ? before->loaded_unix_s : static_cast<uint64_t>(::time(nullptr));
  if (!is_same) {
    log::info(Category::zones, "zone-received",
              describe_update(zone, *before, record, publication) + ", by " + source);
  }
  register_source(zone, record);
  table_.put(zone, std::move(record));
  memory_.reclaim();
  return {};
}

Result<void> ZoneSet::withdraw(const wire::Name& apex) {
  TRY(last_good_.withdraw(apex));
  const std::string zone = text_of(apex);
  auto record = table_.find(zone);
  if (!record) return {};
  ZoneRecord expired;
  expired.catalog = record->catalog;
  expired.state = ZoneState::failed;
  expired.failing_since_unix_s = static_cast<uint64_t>(::time(nullptr));
  expired.findings = {"expired: serial " + std::to_string(record->serial) +
                      " was not confirmed by any primary for as long as its SOA allows"};
  table_.put(zone, std::move(expired));
  return {};
}

}  // namespace holdfast::control
