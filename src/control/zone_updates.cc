// SPDX-License-Identifier: GPL-3.0-or-later
// Zones that take dynamic updates: several at a time as one new version, and the way between what
// is served of them and their files (docs/decisions/0009-changes-name-by-name.md).
#include <sys/stat.h>

#include "base/file.h"
#include "control/zone_set.h"
#include "log/log.h"
#include "transfer/update.h"
#include "transfer/zone_records.h"
#include "wire/rdata_text.h"

namespace holdfast::control {

namespace {

using log::Category;
using transfer::Update;

constexpr unsigned zone_file_mode = 0644;

std::string text_of(wire::NameView name) {
  wire::Name folded(name);
  folded.fold_case();
  return folded.view().to_text();
}

std::string source_of(std::span<const Update> updates) {
  std::string source = updates.front().source;
  if (updates.size() > 1) source += " and " + std::to_string(updates.size() - 1) + " more";
  return source;
}

bool is_signed_elsewhere(const zone::ZoneView& view, const ZoneRecord& record) {
  const auto soa = view.apex_node().find(wire::type_soa);
  return !record.policy && soa && soa->signature_count > 0;
}

// Nobody makes these but the signer; and in no zone may what proves the others be written by hand.
bool is_forbidden(bool is_signed_here, bool is_apex, uint16_t type) {
  if (is_signed_here) return !dnssec::is_from_source(is_apex, type);
  return !dnssec::is_from_source(false, type);
}

}  // namespace

std::vector<uint16_t> ZoneSet::apply_updates(const wire::Name& apex,
                                             std::span<const Update> updates) {
  const std::string zone = text_of(apex);
  const auto view = memory_.find(apex);
  if (frozen_.holds(zone)) return std::vector<uint16_t>(updates.size(), wire::rcode_refused);
  if (!table_.find(zone) || !view || !view->available()) {
    return std::vector<uint16_t>(updates.size(), wire::rcode_servfail);
  }
  if (is_signed_elsewhere(*view, *table_.find(zone))) {
    log::warning(Category::zones, "update-refused",
                 "zone " + zone +
                     " is signed where its file comes from; an update would make it "
                     "bogus");
    return std::vector<uint16_t>(updates.size(), wire::rcode_refused);
  }
  auto rcodes = try_updates(zone, *view, updates);
  if (!rcodes) {
    // One of several that cannot be does not keep the others from being made.
    rcodes.emplace();
    for (const Update& update : updates) rcodes->push_back(apply_one(apex, zone, update));
  }
  memory_.reclaim();
  return *std::move(rcodes);
}

uint16_t ZoneSet::apply_one(const wire::Name& apex, const std::string& zone, const Update& update) {
  const auto view = memory_.find(apex);
  if (!view || !view->available()) return wire::rcode_servfail;
  const auto rcodes = try_updates(zone, *view, {&update, 1});
  if (rcodes) return rcodes->front();
  log::error(Category::zones, "update-failed",
             "an update of zone " + zone + " was not made: " + rcodes.error().message,
             {{"zone", zone}, {"source", update.source}});
  zone::Draft draft = draft_of(*view, *table_.find(zone));
  const auto outcome = transfer::apply_update(draft, update, [](bool, uint16_t) { return false; });
  const bool can_be = outcome.rcode == wire::rcode_noerror && draft.settle().has_value();
  return can_be ? wire::rcode_servfail : wire::rcode_refused;
}

Result<std::vector<uint16_t>> ZoneSet::try_updates(const std::string& zone,
                                                   const zone::ZoneView& view,
                                                   std::span<const Update> updates) {
  const ZoneRecord before = *table_.find(zone);
  zone::Draft draft = draft_of(view, before);
  const bool is_signed_here = before.policy != nullptr;
  std::vector<uint16_t> rcodes;
  bool has_changed = false;
  for (const Update& update : updates) {
    const auto outcome = transfer::apply_update(draft, update, [&](bool is_apex, uint16_t type) {
      return is_forbidden(is_signed_here, is_apex, type);
    });
    rcodes.push_back(outcome.rcode);
    has_changed |= outcome.has_changed;
  }
  if (!has_changed) return rcodes;
  const std::string source = source_of(updates);
  const zone::Publication publication = TRY(publish_draft(zone, draft, source, Kept::first));
  log::info(Category::zones, "zone-updated",
            describe_update(zone, before, *table_.find(zone), publication) + ", by " + source);
  return rcodes;
}

// Its file is where it began; what is served has gone on from there.
bool ZoneSet::take_up_updated(const config::ZoneSource& source) {
  if (!source.takes_updates()) return false;
  ZoneRecord record = *table_.find(source.name);
  if (record.generation == 0 && !restore(source.name, record)) return false;
  record.state = ZoneState::serving;
  record.findings.clear();
  record.failing_since_unix_s = 0;
  // Keys may have changed while nobody looked.
  record.signing_state = signing_.prepare(source);
  if (record.policy) record.refresh_unix_s = 1;
  put_record(source.name, std::move(record));
  return true;
}

void ZoneSet::keep_updated(const config::ZoneSource& source) {
  ZoneRecord record = *table_.find(source.name);
  record.file = source.file;
  record.policy = source.policy;
  record.transfer = source.transfer;
  const uint64_t signing_state = signing_.prepare(source);
  if (record.policy && record.signing_state != signing_state) record.refresh_unix_s = 1;
  record.signing_state = signing_state;
  put_record(source.name, std::move(record));
}

Result<std::string> ZoneSet::freeze(const std::string& zone) {
  const auto record = table_.find(zone);
  const wire::Name apex = TRY(wire::Name::from_text(zone));
  const auto view = memory_.find(apex);
  if (!record || !record->takes_updates()) return fail("zone " + zone + " takes no updates");
  if (!view || !view->available()) return fail("zone " + zone + " has no version that is served");
  std::string text = "; zone " + zone + " at serial " + std::to_string(view->serial()) +
                     ", written by holdfast zone freeze\n";
  const zone::Draft draft = draft_of(*view, *record);
  draft.before().for_each_node([&](const zone::NodeView& node) {
    const zone::DraftNode whole = draft.unchanged(node);
    for (const zone::StagedRecord& of : whole.records) {
      text += wire::record_to_text(whole.owner, of.type, of.ttl, of.rdata) + '\n';
    }
  });
  struct stat status{};
  const bool is_there = ::stat(record->file.c_str(), &status) == 0;
  const std::vector<uint8_t> bytes(text.begin(), text.end());
  TRY(replace_file(record->file, bytes, is_there ? status.st_mode & 0777U : zone_file_mode));
  TRY(frozen_.add(zone));
  std::string sentence = "zone " + zone + ": frozen at serial " + std::to_string(view->serial()) +
                         ", its file is " + record->file;
  log::info(Category::zones, "zone-frozen", sentence);
  return sentence;
}

Result<void> ZoneSet::thaw(const std::string& zone) {
  TRY(frozen_.remove(zone));
  log::info(Category::zones, "zone-thawed", "zone " + zone + " takes updates again");
  return {};
}

}  // namespace holdfast::control
