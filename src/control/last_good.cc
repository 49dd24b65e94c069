// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/last_good.h"

#include "base/check.h"
#include "log/log.h"
#include "transfer/difference_recorder.h"

namespace holdfast::control {

namespace {

using zone::Journal;

// A number that no other version of the zone has: generations begin anew with each file of zone
// memory, whose key is random, and after a removal, which the serial tells apart.
Journal::State state_of(const HashKey& memory_key, uint32_t generation, uint32_t serial) {
  return hash_mix(memory_key.low ^ (uint64_t{generation} << 32 | serial), memory_key.high | 1U);
}

// RFC 1035 §3.3.13: the serial is the first of the five numbers that end the RDATA.
uint32_t serial_of(const zone::StagedNode& apex) {
  constexpr size_t numbers_bytes = 20;
  for (const zone::StagedRrset& rrset : apex.rrsets) {
    if (rrset.type != wire::type_soa || rrset.rdata.empty()) continue;
    const Bytes rdata = rrset.rdata.front();
    if (rdata.size() >= numbers_bytes) return load_be32(rdata.last(numbers_bytes).data());
  }
  return 0;
}

uint32_t serial_of(const zone::Contents& contents) {
  zone::Contents::Cursor cursor(contents);
  const zone::StagedNode* apex = cursor.next();
  CHECK(apex != nullptr);
  return serial_of(*apex);
}

void add_records(zone::Contents& contents, const wire::Name& owner, Bytes records) {
  ByteReader reader(records);
  while (reader.remaining() > 0) {
    reader.skip(2);  // the owner, as a pointer (zone/view.h)
    const uint16_t type = reader.read_u16();
    reader.skip(2);
    const uint32_t ttl = reader.read_u32();
    const Bytes rdata = reader.read_bytes(reader.read_u16());
    CHECK(!reader.failed());
    contents.add(owner, type, ttl, rdata);
  }
}

}  // namespace

Result<zone::Contents> contents_of(const zone::ZoneView& zone) {
  zone::Contents contents(zone.apex());
  zone.for_each_node([&](const zone::NodeView& node) {
    wire::Name owner;
    CHECK(owner.assign_joined(node.relative_owner(), zone.apex()));
    for (size_t i = 0; i < node.rrset_count(); ++i) {
      const zone::RrsetView rrset = node.rrset_at(i);
      add_records(contents, owner, rrset.records);
      add_records(contents, owner, rrset.signatures);
    }
  });
  TRY(contents.finish());
  return contents;
}

LastGood::LastGood(zone::Memory& memory, const std::string& state_directory, const Clock& clock)
    : memory_(memory),
      path_(state_directory + "/zones.journal"),
      clock_(clock),
      history_(state_directory) {
  open();
}

void LastGood::open() {
  auto journal = Journal::open({.path = path_});
  if (!journal) {
    is_behind_ = true;
    return note(std::unexpected(journal.error()));
  }
  journal_ = *std::move(journal);
  for (const std::string& warning : journal_->warnings()) {
    log::warning(log::Category::zones, "journal-damaged", warning);
  }
}

Result<zone::Publication> LastGood::publish(const zone::Contents& contents,
                                            const std::string& source, Kept kept) {
  CHECK(staged_.empty());
  const zone::Publication publication = TRY(stage(contents, source));
  TRY(show_staged(kept));
  return publication;
}

Result<zone::Publication> LastGood::publish(wire::NameView apex, const zone::StagedChange& change,
                                            const std::string& source, Kept kept) {
  CHECK(staged_.empty());
  const zone::Publication publication = TRY(stage(apex, change, source));
  TRY(show_staged(kept));
  return publication;
}

Result<zone::Publication> LastGood::stage(const zone::Contents& contents,
                                          const std::string& source) {
  return stage(
      contents.apex(), serial_of(contents), &contents, source,
      [&](const zone::NodeChange& on_change) { return memory_.stage(contents, on_change); });
}

Result<zone::Publication> LastGood::stage(wire::NameView apex, const zone::StagedChange& change,
                                          const std::string& source) {
  CHECK(!change.nodes.empty());  // the apex always is there (zone::Draft::settle)
  return stage(apex, serial_of(change.nodes.front()), nullptr, source,
               [&](const zone::NodeChange& on_change) {
                 return memory_.stage_amendment(apex, change.nodes, on_change);
               });
}

Result<zone::Publication> LastGood::stage(wire::NameView apex, uint32_t serial,
                                          const zone::Contents* contents, const std::string& source,
                                          const Put& put) {
  const HashKey key = memory_.reader().hash_key();
  const auto before = memory_.find(apex);
  const uint32_t generation_before = before && before->available() ? before->generation() : 0;
  const auto state_before =
      generation_before == 0 ? 0 : state_of(key, generation_before, before->serial());
  Staged staged{wire::Name(apex), contents, 0, std::nullopt, false, source, std::nullopt};
  std::optional<transfer::DifferenceRecorder> recorder;
  if (generation_before != 0) recorder.emplace(*before, key, difference_bytes_max);
  if (journal_ && generation_before != 0 && journal_->holds(apex, state_before)) {
    staged.difference = journal_->begin_difference(apex, state_before,
                                                   state_of(key, generation_before + 1, serial));
  }
  const zone::Publication publication = TRY(put([&](const zone::StagedNode& node) {
    if (staged.difference) staged.difference->add(node);
    if (recorder) recorder->add(node);
  }));
  staged.state = state_of(key, publication.generation, serial);
  staged.is_changed = publication.generation != generation_before;
  if (staged.is_changed && recorder) staged.for_history = recorder->take();
  if (staged.is_changed || !staged.difference) staged_.push_back(std::move(staged));
  return publication;
}

Result<void> LastGood::show_staged(Kept kept) {
  if (kept == Kept::first) {
    if (auto written = write_first(); !written) {
      drop_staged();
      return written;
    }
  }
  told_before_();
  auto shown = memory_.show_staged();
  if (shown && journal_ && kept == Kept::afterwards) {
    for (Staged& staged : staged_) write(staged);
  }
  if (shown) {
    for (const Staged& staged : staged_) tell(staged);
  }
  staged_.clear();
  return shown;
}

// What is served still is what the journal is compared with, should anything fail here.
Result<void> LastGood::write_first() {
  if (staged_.empty()) return {};
  if (!journal_) open();
  if (!journal_) return fail(facts_.last_error);
  for (Staged& staged : staged_) {
    if (staged.contents == nullptr && !staged.difference) {
      return fail("the journal lacks what is served of the zone");
    }
    const uint64_t errors = facts_.errors;
    write(staged);
    if (facts_.errors != errors) return fail(facts_.last_error);
  }
  is_unsynced_ = false;
  auto synced = journal_->sync();
  note(synced);
  return synced;
}

// Of a zone that is shown: its history, and whoever wants to know of changes.
void LastGood::tell(const Staged& staged) {
  if (!staged.is_changed) return;
  const auto noted = history_.add(staged.apex, staged.for_history ? &*staged.for_history : nullptr,
                                  staged.source, clock_.wall_s());
  if (!noted) {
    log::warning(
        log::Category::zones, "history-unwritable",
        "a version is served, but its difference cannot be kept: " + noted.error().message);
  }
  told_(staged.apex);
}

void LastGood::drop_staged() {
  memory_.drop_staged();
  staged_.clear();
}

void LastGood::write(Staged& staged) {
  if (staged.difference && !staged.difference->is_too_large()) {
    note_append(staged.difference->commit());
  } else if (journal_->holds(staged.apex, staged.state)) {
    return;
  } else if (staged.contents != nullptr) {
    note_append(journal_->append_whole(*staged.contents, staged.state));
  } else if (const auto zone = memory_.find(staged.apex); zone && zone->available()) {
    append_served(*zone);
  }
}

// What is served of a zone, whole.
void LastGood::append_served(const zone::ZoneView& zone) {
  const auto state = state_of(memory_.reader().hash_key(), zone.generation(), zone.serial());
  if (journal_->holds(zone.apex(), state)) return;
  const auto contents = contents_of(zone);
  note_append(contents ? journal_->append_whole(*contents, state)
                       : Result<void>(std::unexpected(contents.error())));
}

void LastGood::bring_up(wire::NameView apex) {
  if (!journal_) open();
  const auto zone = memory_.find(apex);
  if (journal_ && zone && zone->available()) append_served(*zone);
}

void LastGood::remove(wire::NameView apex) {
  memory_.remove(apex);
  if (journal_) note_append(journal_->append_removed(apex));
  history_.forget(apex);
}

// Between the two steps, and for as long as they take, there is no such zone.
Result<void> LastGood::withdraw(wire::NameView apex) {
  memory_.remove(apex);
  return memory_.publish_unavailable(apex);
}

std::optional<zone::Contents> LastGood::restore(wire::NameView apex) {
  if (!journal_) return std::nullopt;
  auto contents = journal_->load(apex);
  if (contents) return *std::move(contents);
  log::error(log::Category::zones, "journal-unreadable", contents.error().message);
  return std::nullopt;
}

void LastGood::catch_up() {
  is_behind_ = false;
  if (!journal_) open();
  if (!journal_) return;
  memory_.for_each_zone([&](const zone::ZoneView& zone) {
    if (!is_behind_ && zone.available()) append_served(zone);
  });
  if (!is_behind_) facts_.last_error.clear();
}

void LastGood::maintain() {
  const bool is_due = clock_.monotonic_ns() >= retry_at_ns_;
  if (is_behind_ && is_due) catch_up();
  if (!journal_) return;
  if (is_unsynced_) {
    is_unsynced_ = false;
    note(journal_->sync());
  }
  if (is_due && journal_->compaction_due()) note(journal_->compact());
}

JournalFacts LastGood::facts() const {
  JournalFacts facts = facts_;
  facts.bytes = journal_ ? journal_->size_bytes() : 0;
  return facts;
}

void LastGood::note_append(const Result<void>& result) {
  is_unsynced_ = true;
  note(result);
}

void LastGood::note(const Result<void>& result) {
  if (result) return;
  ++facts_.errors;
  facts_.last_error = result.error().message;
  is_behind_ = true;
  retry_at_ns_ = clock_.monotonic_ns() + retry_ns;
  log::error(
      log::Category::zones, "journal-unwritable",
      "zones are served, but their last good version cannot be kept: " + result.error().message);
}

}  // namespace holdfast::control
