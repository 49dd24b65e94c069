// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/zone_set.h"

#include <ctime>
#include <unordered_set>

#include "base/check.h"
#include "log/log.h"

namespace holdfast::control {

namespace {

using log::Category;

// Retired memory is given back this often while very many zones are published in a row.
constexpr size_t zones_between_reclaims = 256;

uint64_t unix_now_s() { return static_cast<uint64_t>(::time(nullptr)); }

// Names in the table were checked when the list of zones was made.
wire::Name name_of(const std::string& zone) { return wire::Name::from_text(zone).value(); }

std::string text_of(wire::NameView name) {
  wire::Name folded(name);
  folded.fold_case();
  return folded.view().to_text();
}

KnownSource known_source(const ZoneRecord& record) {
  // A bad file is read again at the next start, so that status then says what is wrong.
  // What was signed of a secondary zone is known by the state of its keys.
  const uint64_t of_source = record.file.empty() ? record.signing_state : record.fingerprint;
  const uint64_t fingerprint = record.state == ZoneState::serving ? of_source : 0;
  return {record.generation,           fingerprint, record.loaded_unix_s,
          record.failing_since_unix_s, record.file, record.includes};
}

// After the end of control alone: the file may have been changed since, for a reload to find.
void take_up_as_it_is(ZoneRecord& record) {
  record.state = ZoneState::serving;
  if (record.failing_since_unix_s == 0) return;
  record.state = ZoneState::stale;
  record.findings = {record.file +
                     ": bad when it was last read; a reload tells what is wrong with it now"};
}

}  // namespace

ZoneSet::ZoneSet(zone::Memory& memory, ZoneTable& table, const std::string& state_directory,
                 const Clock& clock, std::function<void()> alive)
    : memory_(memory),
      table_(table),
      alive_(std::move(alive)),
      last_good_(memory, state_directory, clock),
      register_(state_directory),
      signing_(state_directory, clock),
      frozen_(state_directory),
      serials_(state_directory),
      clock_(clock) {}

void ZoneSet::first_load(std::span<const config::ZoneSource> wanted,
                         const zone::LoadOptions& options, Start start, Unlisted unlisted,
                         const std::atomic<bool>& stop, const Progress& progress) {
  for (const config::ZoneSource& source : wanted) take_up(source, start);
  register_.forget_read();
  const ParseSettings settings = parse_settings(options);
  std::vector<ParseJob> jobs;
  for (const config::ZoneSource& source : wanted) {
    alive_();
    if (source.is_secondary()) continue;
    ZoneRecord record = *table_.find(source.name);
    if (record.state != ZoneState::waiting) continue;
    const uint64_t salt = signing_.prepare(source);
    if (take_up_updated(source)) continue;
    if (is_unchanged(record, source, settings.fingerprint_salt ^ salt)) {
      record.state = ZoneState::serving;
      put_record(source.name, std::move(record));
      continue;
    }
    jobs.push_back({&source, salt});
  }
  size_t done = wanted.size() - jobs.size();
  progress(done, wanted.size());
  parse_zones(jobs, settings, stop, [&](ParseResult parsed) {
    alive_();
    const config::ZoneSource& source = *jobs[parsed.job].source;
    settle(source, std::move(parsed));
    if (++done % zones_between_reclaims == 0) memory_.reclaim();
    progress(done, wanted.size());
  });
  if (stop) return;
  if (unlisted == Unlisted::remove) remove_unlisted(wanted);
  last_good_.catch_up();
  maintain();
}

void ZoneSet::take_up(const config::ZoneSource& source, Start start) {
  if (source.is_secondary()) return take_up_secondary(source);
  ZoneRecord record;
  record.file = source.file;
  record.policy = source.policy;
  record.transfer = source.transfer;
  const auto view = memory_.find(name_of(source.name));
  if (view && view->available()) {
    set_served_version(record, *view);
    const KnownSource* known = register_.find(source.name);
    if (known != nullptr && known->generation == record.generation && known->file == source.file) {
      record.fingerprint = known->fingerprint;
      record.loaded_unix_s = known->loaded_unix_s;
      record.failing_since_unix_s = known->failing_since_unix_s;
      record.includes = known->includes;
    }
    if (start == Start::respawn) take_up_as_it_is(record);
  }
  put_record(source.name, std::move(record));
}

void ZoneSet::remove_unlisted(std::span<const config::ZoneSource> wanted) {
  std::unordered_set<std::string_view> names;
  for (const config::ZoneSource& source : wanted) names.insert(source.name);
  std::vector<wire::Name> unlisted;
  memory_.for_each_zone([&](const zone::ZoneView& view) {
    if (!names.contains(text_of(view.apex()))) unlisted.emplace_back(view.apex());
  });
  for (const wire::Name& apex : unlisted) {
    alive_();
    last_good_.remove(apex);
    log::info(Category::zones, "zone-removed", "a zone that is no longer configured was removed",
              {{"zone", text_of(apex)}});
  }
}

void ZoneSet::settle(const config::ZoneSource& source, ParseResult parsed) {
  if (!parsed.outcome.contents || parsed.outcome.report.has_errors()) {
    keep_last_good(source, parsed, finding_texts(parsed.outcome.report));
    return;
  }
  uint64_t refresh_unix_s = 0;
  if (source.policy) {
    const auto made = sign(source, parsed.outcome);
    if (!made) {
      parsed.fingerprint = 0;  // the file is good: a reload signs it, as soon as that can be done
      return keep_last_good(source, parsed, {source.file + ": " + made.error().message});
    }
    refresh_unix_s = *made;
  }
  if (const auto published = last_good_.publish(*parsed.outcome.contents, "file " + source.file);
      published) {
    record_published(source, parsed, refresh_unix_s);
  } else {
    keep_last_good(source, parsed, {published.error().message});
  }
}

void ZoneSet::record_published(const config::ZoneSource& source, const ParseResult& parsed,
                               uint64_t refresh_unix_s) {
  const auto view = memory_.find(name_of(source.name));
  CHECK(view.has_value());
  ZoneRecord record;
  record.file = source.file;
  record.policy = source.policy;
  record.transfer = source.transfer;
  record.signing_state = signing_.prepare(source);
  record.refresh_unix_s = refresh_unix_s;
  record.includes = parsed.outcome.report.files;
  record.state = ZoneState::serving;
  set_served_version(record, *view);
  const ZoneRecord before = table_.find(source.name).value_or(ZoneRecord{});
  record.loaded_unix_s =
      record.generation == before.generation ? before.loaded_unix_s : unix_now_s();
  record.fingerprint = parsed.fingerprint;
  record.findings = finding_texts(parsed.outcome.report);
  register_source(source.name, record);
  put_record(source.name, std::move(record));
}

void ZoneSet::keep_last_good(const config::ZoneSource& source, const ParseResult& parsed,
                             std::vector<std::string> findings) {
  ZoneRecord record = table_.find(source.name).value_or(ZoneRecord{});
  record.file = source.file;
  record.policy = source.policy;
  record.transfer = source.transfer;
  record.includes = parsed.outcome.report.files;
  record.fingerprint = parsed.fingerprint;
  record.findings = std::move(findings);
  if (record.failing_since_unix_s == 0) record.failing_since_unix_s = unix_now_s();
  const bool is_served = record.generation != 0 || restore(source.name, record);
  record.state = is_served ? ZoneState::stale : ZoneState::failed;
  const std::string reason = record.findings.empty() ? "unknown" : record.findings.front();
  if (record.state == ZoneState::stale) {
    log::error(
        Category::zones, "zone-stale",
        "zone " + source.name + " cannot be loaded, its last good version is served: " + reason,
        {{"zone", source.name}, {"serial", std::to_string(record.serial)}});
    register_source(source.name, record);
  } else {
    log::error(Category::zones, "zone-failed",
               "zone " + source.name + " cannot be loaded, it is answered with SERVFAIL: " + reason,
               {{"zone", source.name}});
    if (const auto entered = memory_.publish_unavailable(name_of(source.name)); !entered) {
      record.findings.push_back(entered.error().message);
    }
  }
  put_record(source.name, std::move(record));
}

bool ZoneSet::restore(const std::string& zone, ZoneRecord& record) {
  const wire::Name apex = name_of(zone);
  const auto contents = last_good_.restore(apex);
  if (!contents) return false;
  if (const auto published = last_good_.publish(*contents, "journal"); !published) {
    record.findings.push_back("its last good version: " + published.error().message);
    return false;
  }
  set_served_version(record, *memory_.find(apex));
  record.loaded_unix_s = unix_now_s();
  return true;
}

ReloadPlan ZoneSet::plan_all(std::span<const config::ZoneSource> wanted,
                             const zone::LoadOptions& options, const std::atomic<bool>& stop) {
  const auto salt_of = [&](const config::ZoneSource& source) { return signing_.prepare(source); };
  ReloadPlan plan = plan_reload(table_, wanted, parse_settings(options), salt_of, stop, alive_);
  sign_updates(plan);
  return plan;
}

ReloadPlan ZoneSet::plan_one(const config::ZoneSource& source, const zone::LoadOptions& options) {
  const auto salt_of = [&](const config::ZoneSource& of) { return signing_.prepare(of); };
  ReloadPlan plan = plan_reload_of(source, parse_settings(options), salt_of);
  sign_updates(plan);
  return plan;
}

Result<void> ZoneSet::stage(const ReloadPlan& plan) {
  CHECK(plan.findings.empty());
  staged_.clear();
  for (const ReloadPlan::Update& update : plan.updates) {
    alive_();
    const std::string source = "file " + update.source.file;
    const auto publication =
        update.change ? last_good_.stage(name_of(update.source.name), *update.change, source)
                      : last_good_.stage(*update.parsed.outcome.contents, source);
    if (!publication) {
      drop_staged();
      return fail("zone " + update.source.name + ": " + publication.error().message);
    }
    staged_.push_back(*publication);
  }
  return {};
}

void ZoneSet::drop_staged() {
  last_good_.drop_staged();
  staged_.clear();
  memory_.reclaim();
}

Result<ReloadResult> ZoneSet::show_staged(ReloadPlan& plan) {
  CHECK(staged_.size() == plan.updates.size());
  TRY(last_good_.show_staged());
  ReloadResult result;
  const auto tell = [&](std::string change) {
    log::info(Category::reload, "zone-changed", change);
    if (result.changes.size() < changes_listed_max) result.changes.push_back(std::move(change));
  };
  for (size_t i = 0; i < plan.updates.size(); ++i) {
    alive_();
    const ReloadPlan::Update& update = plan.updates[i];
    const std::string& zone = update.source.name;
    const ZoneRecord before = table_.find(zone).value_or(ZoneRecord{});
    record_published(update.source, update.parsed, update.refresh_unix_s);
    const ZoneRecord after = *table_.find(zone);
    if (before.generation == after.generation) continue;  // read again, nothing has changed in it
    ++(before.generation == 0 ? result.added : result.updated);
    tell(describe_update(zone, before, after, staged_[i]));
  }
  staged_.clear();
  for (const config::ZoneSource& source : plan.updated) keep_updated(source);
  for (const config::ZoneSource& source : plan.secondaries) {
    alive_();
    const auto before = table_.find(source.name);
    const bool was_secondary = before && before->file.empty();
    const bool was_signed = was_secondary && before->policy;
    ++(was_secondary ? result.updated : result.added);
    take_up_secondary(source);
    tell("zone " + source.name + ": " +
         (was_signed == (source.policy != nullptr)
              ? "comes from its primaries from now on"
              : (was_signed ? "is served as it comes from now on" : "is signed from now on")));
  }
  for (const auto& [zone, transfer] : plan.transfers) {
    alive_();
    auto record = table_.find(zone);
    if (!record) continue;
    record->transfer = transfer;
    table_.put(zone, *std::move(record));
  }
  for (const std::string& zone : plan.removals) {
    alive_();
    remove_member(zone);
    ++result.removed;
    tell("zone " + zone + ": removed");
  }
  memory_.reclaim();
  maintain();
  return result;
}

void ZoneSet::register_source(const std::string& zone, const ZoneRecord& record) {
  register_.append(zone, known_source(record));
}

void ZoneSet::put_record(const std::string& zone, ZoneRecord record) {
  if (record.policy && record.generation != 0) {
    refreshes_.put(zone, record.refresh_unix_s);
  } else {
    refreshes_.erase(zone);
  }
  if (!record.policy || record.policy->secondaries.empty()) signing_.secondaries().forget(zone);
  table_.put(zone, std::move(record));
}

void ZoneSet::maintain() {
  refresh_signatures();
  last_good_.maintain();
  auto kept = register_.flush();
  if (kept && register_.wants_rewrite(table_.size())) {
    kept = register_.rewrite([&](const SourceRegister::Put& put) {
      const auto write = [&](const std::string& zone, const ZoneRecord& record) {
        if (record.generation != 0) put(zone, known_source(record));
      };
      constexpr size_t page = 1000;
      for (std::string last = table_.visit_after("", page, write); !last.empty();) {
        last = table_.visit_after(last, page, write);
      }
    });
  }
  const std::string error = kept ? std::string() : kept.error().message;
  if (error != register_error_ && !error.empty()) {
    log::warning(Category::zones, "register-unwritable",
                 "what zones were loaded from cannot be noted, so the next start reads more files "
                 "than it needs: " +
                     error);
  }
  register_error_ = error;
}

}  // namespace holdfast::control
