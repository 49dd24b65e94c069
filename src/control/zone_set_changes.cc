// SPDX-License-Identifier: GPL-3.0-or-later
// Changes to zones that are served: published and signed name by name, however large the zone is.
#include <ctime>

#include "base/check.h"
#include "control/signal_names.h"
#include "control/zone_difference.h"
#include "control/zone_set.h"
#include "log/log.h"

namespace holdfast::control {

namespace {

using log::Category;

uint64_t sooner(uint64_t known_s, uint64_t made_s) {
  return known_s == 0 ? 0 : std::min(known_s, made_s);  // 0: it is to be looked up
}

}  // namespace

zone::Draft ZoneSet::draft_of(const zone::ZoneView& view, const ZoneRecord& record) const {
  const HashKey key = memory_.reader().hash_key();
  if (!record.policy) return {view, key};
  return {view, key, [](const zone::NodeView& node, uint16_t type) {
            return dnssec::is_from_source(node, type);
          }};
}

Result<zone::Publication> ZoneSet::publish_draft(const std::string& zone, zone::Draft& draft,
                                                 const std::string& source, Kept kept) {
  ZoneRecord record = table_.find(zone).value_or(ZoneRecord{});
  const wire::Name apex(draft.apex());
  zone::Publication publication;
  if (kept == Kept::first) last_good_.bring_up(apex);
  auto delta = record.policy && !is_signal_zone(apex)
                   ? signing_.sign_change(zone, *record.policy, draft)
                   : Result<std::optional<dnssec::SignedDelta>>(std::nullopt);
  if (!delta) return std::unexpected(delta.error());
  if (*delta) {
    TRY(zone::judge_change((*delta)->change));
    publication = TRY(last_good_.publish(apex, (*delta)->change, source, kept));
    record.refresh_unix_s = sooner(record.refresh_unix_s, (*delta)->refresh_at_s);
  } else if (record.policy) {
    publication = TRY(publish_whole(zone, record, draft, source, kept));
  } else {
    const zone::StagedChange change = TRY(zone::stage_draft(draft));
    TRY(zone::judge_change(change));
    publication = TRY(last_good_.publish(apex, change, source, kept));
  }
  const auto view = memory_.find(apex);
  CHECK(view.has_value());
  const bool is_same = record.generation == view->generation();
  set_served_version(record, *view);
  if (!is_same) record.loaded_unix_s = static_cast<uint64_t>(::time(nullptr));
  register_source(zone, record);
  put_record(zone, std::move(record));
  return publication;
}

Result<zone::Publication> ZoneSet::publish_whole(const std::string& zone, ZoneRecord& record,
                                                 zone::Draft& draft, const std::string& source,
                                                 Kept kept) {
  zone::Contents contents = draft.contents();
  TRY(contents.finish());
  const zone::Contents served = TRY(contents_of(draft.before()));
  const dnssec::SignedZone made = TRY(sign_contents(zone, *record.policy, contents, &served));
  record.refresh_unix_s = made.refresh_at_s;
  return last_good_.publish(made.contents, source, kept);
}

Result<bool> ZoneSet::sign_difference(ReloadPlan::Update& update) {
  const auto record = table_.find(update.source.name);
  const wire::Name apex = TRY(wire::Name::from_text(update.source.name));
  const auto view = memory_.find(apex);
  if (!record || !record->policy || !view || !view->available()) return false;
  if (is_signal_zone(apex)) return false;
  zone::Draft draft = draft_of(*view, *record);
  if (!draft_difference(*update.parsed.outcome.contents, draft)) return false;
  auto delta = TRY(signing_.sign_change(update.source.name, *update.source.policy, draft));
  if (!delta) return false;
  log::info(Category::zones, "zone-signed", "what has changed in a zone was signed",
            {{"zone", update.source.name},
             {"signatures_made", std::to_string(delta->signatures_made)},
             {"signatures_kept", std::to_string(delta->signatures_kept)}});
  update.refresh_unix_s = sooner(record->refresh_unix_s, delta->refresh_at_s);
  update.change = std::move(delta->change);
  return true;
}

}  // namespace holdfast::control
