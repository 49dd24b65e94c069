// SPDX-License-Identifier: GPL-3.0-or-later
// Zones that are signed here: as they are read, and again before their signatures expire.
#include <algorithm>
#include <iterator>

#include "control/signal_names.h"
#include "control/zone_difference.h"
#include "control/zone_set.h"
#include "log/log.h"

namespace holdfast::control {

namespace {

using log::Category;

// In one call of maintain(), beyond the zone that is being signed: reloads and requests wait.
constexpr uint64_t refreshing_ns_max = 200'000'000;
constexpr uint64_t retry_s = 60;

}  // namespace

Result<uint64_t> ZoneSet::sign(const config::ZoneSource& source, zone::LoadOutcome& outcome) {
  const wire::Name apex = TRY(wire::Name::from_text(source.name));
  const auto before = last_version(apex);
  dnssec::SignedZone made = TRY(
      sign_contents(source.name, *source.policy, *outcome.contents, before ? &*before : nullptr));
  outcome.contents = std::move(made.contents);
  signals_due_s_ = 0;  // zones that vouch for it may have been signed before it
  log::info(Category::zones, "zone-signed", "a zone was signed",
            {{"zone", source.name},
             {"signatures_made", std::to_string(made.signatures_made)},
             {"signatures_kept", std::to_string(made.signatures_kept)}});
  return made.refresh_at_s;
}

Result<dnssec::SignedZone> ZoneSet::sign_contents(const std::string& zone,
                                                  const config::PolicySetting& policy,
                                                  const zone::Contents& records,
                                                  const zone::Contents* before) {
  if (!is_signal_zone(records.apex())) return signing_.sign(zone, policy, records, before);
  const zone::Contents joined = TRY(with_signal_names(records, memory_, table_));
  return signing_.sign(zone, policy, joined, before);
}

void ZoneSet::sign_updates(ReloadPlan& plan) {
  for (ReloadPlan::Update& update : plan.updates) {
    if (!update.source.policy) continue;
    alive_();
    const auto changed = sign_difference(update);
    if (!changed) add_finding(plan, update.source.file + ": " + changed.error().message);
    if (!changed || *changed) continue;
    const auto made = sign(update.source, update.parsed.outcome);
    if (made) {
      update.refresh_unix_s = *made;
    } else {
      add_finding(plan, update.source.file + ": " + made.error().message);
    }
  }
}

std::vector<std::pair<std::string, WaitingKey>> ZoneSet::take_waiting_keys() {
  auto due = signing_.rolls().take_due(clock_.wall_s());
  std::erase_if(due, [&](const auto& waiting) {
    const auto record = table_.find(waiting.first);
    if (record && record->policy) return false;
    signing_.rolls().forget(waiting.first);
    return true;
  });
  return due;
}

void ZoneSet::on_ds(const std::string& zone, uint16_t tag) {
  if (tag != 0) {
    signing_.rolls().on_ds(zone, tag);
    return refreshes_.put(zone, clock_.wall_s());
  }
  const auto is_news = signing_.on_ds_gone(zone);
  if (!is_news) log::error(Category::zones, "ds-gone", is_news.error().message);
  if (is_news && *is_news) refreshes_.put(zone, clock_.wall_s());
}

std::vector<GroupQuestion> ZoneSet::take_group_questions() {
  auto due = signing_.signers().take_due(clock_.wall_s());
  std::ranges::move(signing_.secondaries().take_due(clock_.wall_s()), std::back_inserter(due));
  std::erase_if(due, [&](const GroupQuestion& question) {
    const auto record = table_.find(question.zone);
    if (record && record->policy) return false;
    signing_.signers().forget(question.zone);
    signing_.secondaries().forget(question.zone);
    if (!question.secondaries.empty()) signing_.secondaries().on_answered(question.zone);
    return true;
  });
  return due;
}

void ZoneSet::on_group(const GroupAnswers& answers) {
  if (!answers.secondaries.empty()) signing_.secondaries().on_answered(answers.zone);
  const auto record = table_.find(answers.zone);
  if (!record || !record->policy) return;
  if (!answers.secondaries.empty()) {
    const auto done = signing_.on_secondaries(answers, *record->policy);
    if (!done) {
      log::error(Category::zones, "secondaries", done.error().message, {{"zone", answers.zone}});
    }
    return;
  }
  const auto concerns_zone = signing_.on_group(answers, *record->policy);
  if (!concerns_zone) {
    log::error(Category::zones, "signers", concerns_zone.error().message, {{"zone", answers.zone}});
  }
  // Keys of ours that wait for the others may go on, too.
  const bool is_due = concerns_zone && *concerns_zone;
  if (is_due) refreshes_.put(answers.zone, clock_.wall_s());
}

std::vector<ParentNotice> ZoneSet::take_parent_notices() {
  auto due = signing_.notices().take_due(clock_.wall_s());
  std::erase_if(due, [&](const ParentNotice& notice) {
    const auto record = table_.find(notice.zone);
    if (record && record->policy) return false;
    signing_.notices().forget(notice.zone);
    return true;
  });
  return due;
}

std::optional<zone::Contents> ZoneSet::last_version(const wire::Name& apex) {
  const auto view = memory_.find(apex);
  if (!view || !view->available()) return last_good_.restore(apex);
  auto contents = contents_of(*view);
  if (!contents) return std::nullopt;
  return *std::move(contents);
}

void ZoneSet::refresh_signatures() {
  const uint64_t now_s = clock_.wall_s();
  if (now_s >= signals_due_s_) {
    signals_due_s_ = now_s + signal_check_s;
    for (const std::string& zone : stale_signal_zones(memory_, table_)) {
      refreshes_.put(zone, now_s);
    }
  }
  const uint64_t begun_ns = clock_.monotonic_ns();
  while (clock_.monotonic_ns() - begun_ns <= refreshing_ns_max) {
    const auto zone = refreshes_.due_at(clock_.wall_s());
    if (!zone) return;
    alive_();
    const auto done = refresh(*zone, table_.find(*zone).value_or(ZoneRecord{}));
    if (done) continue;
    log::error(Category::zones, "zone-unrefreshed",
               "zone " + *zone +
                   " cannot be signed again, what is served of it stays: " + done.error().message,
               {{"zone", *zone}});
    refreshes_.put(*zone, clock_.wall_s() + retry_s);
  }
}

Result<std::string> ZoneSet::sign_again(const std::string& zone) {
  auto record = table_.find(zone);
  if (!record || !record->policy) return fail("zone " + zone + " is not signed here");
  if (record->generation == 0) return fail("zone " + zone + " has no version that is served");
  const uint32_t serial = record->serial;
  record->signing_state =
      signing_.prepare({.name = zone, .file = record->file, .policy = record->policy});
  record->refresh_unix_s = 1;
  TRY(refresh(zone, *std::move(record)));
  memory_.reclaim();
  const uint32_t signed_serial = table_.find(zone)->serial;
  return "zone " + zone + ": " +
         (signed_serial == serial
              ? "looked over, nothing is to be signed (serial " + std::to_string(serial) + ")"
              : "signed again, serial " + std::to_string(serial) + " to " +
                    std::to_string(signed_serial));
}

Result<void> ZoneSet::refresh(const std::string& zone, ZoneRecord record) {
  const auto apex = wire::Name::from_text(zone);
  const auto view = apex ? memory_.find(*apex) : std::nullopt;
  if (!record.policy || !view || !view->available()) {
    refreshes_.erase(zone);
    return {};
  }
  if (record.refresh_unix_s == 0) {  // since the start nobody has looked
    record.refresh_unix_s = std::max<uint64_t>(signing_.refresh_time_of(*record.policy, *view), 1);
    put_record(zone, std::move(record));
    return {};
  }
  const zone::Contents served = TRY(contents_of(*view));
  const dnssec::SignedZone made = TRY(sign_contents(zone, *record.policy, served, &served));
  if (record.file.empty()) {
    note_serial(zone, serial_of(made.contents).value(), serials_.find(zone, view->serial()));
  }
  TRY(last_good_.publish(made.contents, "signatures made anew"));
  const auto now_served = memory_.find(*apex);
  record.serial = now_served->serial();
  record.generation = now_served->generation();
  record.records = now_served->record_count();
  record.names = now_served->node_count();
  record.loaded_unix_s = clock_.wall_s();
  record.refresh_unix_s = std::max(made.refresh_at_s, clock_.wall_s() + 1);
  log::info(Category::zones, "zone-refreshed", "signatures were made anew before they expire",
            {{"zone", zone},
             {"serial", std::to_string(record.serial)},
             {"signatures_made", std::to_string(made.signatures_made)}});
  register_source(zone, record);
  put_record(zone, std::move(record));
  return {};
}

}  // namespace holdfast::control
