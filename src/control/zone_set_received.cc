// SPDX-License-Identifier: GPL-3.0-or-later
// Zones that come from other servers: what is kept of them, and what is received; of those that are
// signed here as well, under serials of their own.
#include <algorithm>
#include <ctime>

#include "base/check.h"
#include "control/zone_difference.h"
#include "control/zone_set.h"
#include "dnssec/zonemd.h"
#include "log/log.h"
#include "transfer/apply_differences.h"
#include "transfer/serial.h"

namespace holdfast::control {

namespace {

using log::Category;

std::string text_of(wire::NameView name) {
  wire::Name folded(name);
  folded.fold_case();
  return folded.view().to_text();
}

bool is_signed(const zone::ZoneView& view) {
  const auto soa = view.apex_node().find(wire::type_soa);
  return soa && soa->signature_count > 0;
}

// RFC 8976 §4: what came is what was meant to be sent.
Result<void> check_digest(const zone::Contents& contents) {
  if (const auto fault = dnssec::check_zonemd(contents)) return fail(*fault);
  return {};
}

Result<void> check_digest(zone::Draft& draft) {
  const bool has_digest = std::ranges::any_of(draft.read(draft.apex()), [](const auto& record) {
    return record.type == wire::type_zonemd;
  });
  if (!has_digest) return {};
  zone::Contents contents = draft.contents();
  TRY(contents.finish());
  return check_digest(contents);
}

// Ours lacks what the primary's digest is over.
Result<void> refuse_digest(std::span<const transfer::Difference> differences) {
  bool has_digest = false;
  differences.back().added.for_each([&](const transfer::ZoneRecord& record) {
    has_digest = has_digest || record.type == wire::type_zonemd;
  });
  if (!has_digest) return {};
  return fail("the primary's ZONEMD can be verified with the whole zone alone");
}

Error taken_out() { return Error{"the zone was taken out of the configuration meanwhile"}; }

}  // namespace

void ZoneSet::take_up_secondary(const config::ZoneSource& source) {
  const wire::Name apex = wire::Name::from_text(source.name).value();
  ZoneRecord record;
  record.state = ZoneState::serving;
  record.catalog = source.catalog;
  record.policy = source.policy;
  record.transfer = source.transfer;
  record.signing_state = signing_.prepare(source);
  record.refresh_unix_s = source.policy ? 1 : 0;
  const auto view = memory_.find(apex);
  if (view && view->available()) {
    set_served_version(record, *view);
    const KnownSource* known = register_.find(source.name);
    if (known != nullptr && known->generation == record.generation) {
      record.loaded_unix_s = known->loaded_unix_s;
      // Keys and policy are those that it was signed with: when that ends has to be looked up.
      if (known->fingerprint == record.signing_state) record.refresh_unix_s = 0;
    }
  } else if (!restore(source.name, record)) {
    record.state = ZoneState::failed;
    record.findings = {"no transfer from its primaries has come through yet"};
    if (const auto entered = memory_.publish_unavailable(apex); !entered) {
      record.findings.push_back(entered.error().message);
    }
  }
  take_up_serial(source.name, record);
  put_record(source.name, std::move(record));
}

void ZoneSet::take_up_serial(const std::string& zone, const ZoneRecord& record) {
  const auto view = memory_.find(wire::Name::from_text(zone).value());
  if (!view || !view->available()) return;
  const uint32_t served = view->serial();
  if (!record.policy) {
    // It was signed here, and goes back to what the primary has.
    if (serials_.holds(zone)) note_serial(zone, served, std::nullopt);
  } else if (is_signed(*view) && !serials_.holds(zone, served)) {
    note_serial(zone, served, std::nullopt);
  }
}

void ZoneSet::note_serial(const std::string& zone, uint32_t served,
                          std::optional<uint32_t> primary) {
  if (const auto noted = serials_.note(zone, served, primary); !noted) {
    log::warning(Category::zones, "primary-serial-unwritable",
                 "of which version of its primary zone " + zone +
                     " is made cannot be noted, so the next start transfers it whole: " +
                     noted.error().message);
  }
}

void ZoneSet::remove_member(const std::string& zone) {
  last_good_.remove(wire::Name::from_text(zone).value());
  table_.erase(zone);
  refreshes_.erase(zone);
  signing_.secondaries().forget(zone);
  static_cast<void>(serials_.forget(zone));  // a line that stays costs a transfer, if it comes back
  alive_();
}

Result<void> ZoneSet::publish_received(const zone::Contents& contents, const std::string& source) {
  const std::string zone = text_of(contents.apex());
  const auto before = table_.find(zone);
  if (!before || !before->file.empty()) return std::unexpected(taken_out());
  TRY(check_digest(contents));
  const zone::Publication publication =
      TRY(before->policy ? publish_signed(zone, *before, contents, source)
                         : last_good_.publish(contents, source));
  if (!before->policy) static_cast<void>(serials_.forget(zone));
  ZoneRecord record;
  record.state = ZoneState::serving;
  record.catalog = before->catalog;
  record.policy = before->policy;
  record.transfer = before->transfer;
  record.signing_state = before->signing_state;
  // Publishing what was signed has entered when that is due.
  record.refresh_unix_s = table_.find(zone)->refresh_unix_s;
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
  put_record(zone, std::move(record));
  memory_.reclaim();
  return {};
}

Result<zone::Publication> ZoneSet::publish_signed(const std::string& zone, const ZoneRecord& before,
                                                  const zone::Contents& contents,
                                                  const std::string& source) {
  const auto primary_serial = serial_of(contents);
  if (!primary_serial) return fail("it has no SOA");
  const auto view = memory_.find(contents.apex());
  if (view && view->available()) {
    zone::Draft draft = draft_of(*view, before);
    if (draft_difference(contents, draft)) {
      return publish_received_draft(zone, draft, source, *primary_serial);
    }
  }
  const auto last = last_version(wire::Name(contents.apex()));
  const dnssec::SignedZone made =
      TRY(signing_.sign(zone, *before.policy, contents, last ? &*last : nullptr));
  note_serial(zone, serial_of(made.contents).value(), *primary_serial);
  const zone::Publication publication = TRY(last_good_.publish(made.contents, source));
  ZoneRecord record = before;
  record.refresh_unix_s = made.refresh_at_s;
  put_record(zone, std::move(record));
  log::info(Category::zones, "zone-signed", "a zone was signed",
            {{"zone", zone},
             {"signatures_made", std::to_string(made.signatures_made)},
             {"signatures_kept", std::to_string(made.signatures_kept)}});
  return publication;
}

Result<zone::Publication> ZoneSet::publish_received_draft(const std::string& zone,
                                                          zone::Draft& draft,
                                                          const std::string& source,
                                                          uint32_t primary_serial) {
  const auto served = serial_of(draft);
  if (!served) return fail("it has no SOA");
  // Before it is served: after an end between the two, what is served has its note already.
  note_serial(zone, *served, primary_serial);
  const zone::Publication publication = TRY(publish_draft(zone, draft, source, Kept::afterwards));
  // Signing the whole may have found more that has changed.
  const auto now_served = memory_.find(draft.apex());
  if (now_served && now_served->serial() != *served) {
    note_serial(zone, now_served->serial(), primary_serial);
  }
  return publication;
}

Result<void> ZoneSet::amend_received(const wire::Name& apex,
                                     std::span<const transfer::Difference> differences,
                                     const std::string& source) {
  const std::string zone = text_of(apex);
  const auto before = table_.find(zone);
  if (!before || !before->file.empty()) return std::unexpected(taken_out());
  const auto view = memory_.find(apex);
  const uint32_t from = differences.front().from;
  if (!view || !view->available() || serials_.find(zone, view->serial()) != from) {
    return fail("what is served is no longer what the differences lead from");
  }
  zone::Draft draft = draft_of(*view, *before);
  zone::Publication publication;
  if (before->policy) {
    TRY(refuse_digest(differences));
    const uint32_t served = view->serial();
    const uint32_t to = differences.back().to;
    set_serial(draft, from);
    TRY(transfer::apply_differences(draft, differences, [&](const transfer::ZoneRecord& record) {
      return !dnssec::is_from_source(record.owner == apex.view(), record.type);
    }));
    set_serial(draft, transfer::is_after(to, served) ? to : served + 1);
    publication = TRY(publish_received_draft(zone, draft, source, to));
  } else {
    TRY(transfer::apply_differences(draft, differences));
    TRY(check_digest(draft));
    publication = TRY(publish_draft(zone, draft, source, Kept::afterwards));
  }
  log::info(Category::zones, "zone-received",
            describe_update(zone, *before, *table_.find(zone), publication) + ", by " + source);
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
  expired.policy = record->policy;
  expired.transfer = record->transfer;
  expired.signing_state = record->signing_state;
  expired.state = ZoneState::failed;
  expired.failing_since_unix_s = static_cast<uint64_t>(::time(nullptr));
  expired.findings = {"expired: serial " + std::to_string(record->serial) +
                      " was not confirmed by any primary for as long as its SOA allows"};
  put_record(zone, std::move(expired));
  return {};
}

}  // namespace holdfast::control
