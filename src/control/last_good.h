// SPDX-License-Identifier: GPL-3.0-or-later
// Publishes zones and keeps each version that was published in the journal, from which the last
// good one comes back when zone memory was lost and the zone's file is bad.
//
// A journal that cannot be written (full disk) never keeps a zone from being published: it is told
// in the log and counted, and what it lacks is brought up later. Owner: the thread that owns zone
// memory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "transfer/history.h"
#include "zone/draft.h"
#include "zone/journal.h"
#include "zone/memory.h"

namespace holdfast::control {

struct JournalFacts {
  uint64_t bytes = 0;
  uint64_t errors = 0;
  std::string last_error;  // empty while it can be written
};

// Whether a version is in the journal, and safe from a power failure, before it is served.
enum class Kept : uint8_t { afterwards, first };

class LastGood {
 public:
  // What cannot be written is tried again after this.
  static constexpr uint64_t retry_ns = uint64_t{60} * 1'000'000'000;

  // A difference that is larger leads to a version whose past is not known.
  static constexpr size_t difference_bytes_max = size_t{16} << 20;

  LastGood(zone::Memory& memory, const std::string& state_directory, const Clock& clock);

  // `source` says where the version comes from. The error is zone memory's; the old version then
  // stays.
  [[nodiscard]] Result<zone::Publication> publish(const zone::Contents& contents,
                                                  const std::string& source,
                                                  Kept kept = Kept::afterwards);
  // Several zones at once, or none, as zone memory does it; each of `contents` outlives the end.
  [[nodiscard]] Result<zone::Publication> stage(const zone::Contents& contents,
                                                const std::string& source);
  // The same from the names that differ from what is served.
  [[nodiscard]] Result<zone::Publication> stage(wire::NameView apex,
                                                const zone::StagedChange& change,
                                                const std::string& source);
  // With Kept::first, a journal that cannot be written drops all.
  [[nodiscard]] Result<void> show_staged(Kept kept = Kept::afterwards);
  void drop_staged();
  // Both steps for one change.
  [[nodiscard]] Result<zone::Publication> publish(wire::NameView apex,
                                                  const zone::StagedChange& change,
                                                  const std::string& source, Kept kept);
  void remove(wire::NameView apex);
  // Out of zone memory, but not out of the journal: SERVFAIL.
  [[nodiscard]] Result<void> withdraw(wire::NameView apex);
  [[nodiscard]] transfer::History& history() { return history_; }
  void before_publication(std::function<void()> told) { told_before_ = std::move(told); }
  void when_published(std::function<void(wire::NameView apex)> told) { told_ = std::move(told); }
  // What the journal holds of the zone.
  [[nodiscard]] std::optional<zone::Contents> restore(wire::NameView apex);

  // The journal has what is served of the zone, so that a change may be kept first; unless it
  // cannot be written.
  void bring_up(wire::NameView apex);
  // Writes what zone memory has and the journal has not: after the first load, and after errors.
  void catch_up();
  // Makes what was written safe, and the file small again; call about once a second.
  void maintain();
  [[nodiscard]] JournalFacts facts() const;

 private:
  // What the journal is to get of a staged zone: the difference, if it holds what that starts from.
  struct Staged {
    wire::Name apex;
    const zone::Contents* contents;  // null: it was a change
    zone::Journal::State state;
    std::optional<zone::Journal::Difference> difference;
    bool is_changed;
    std::string source;
    std::optional<transfer::Difference> for_history;
  };

  using Put = std::function<Result<zone::Publication>(const zone::NodeChange&)>;
  [[nodiscard]] Result<zone::Publication> stage(wire::NameView apex, uint32_t serial,
                                                const zone::Contents* contents,
                                                const std::string& source, const Put& put);
  void open();
  void write(Staged& staged);
  [[nodiscard]] Result<void> write_first();
  void tell(const Staged& staged);
  void append_served(const zone::ZoneView& zone);
  void note_append(const Result<void>& result);
  void note(const Result<void>& result);  // tells and counts an error

  zone::Memory& memory_;
  const std::string path_;
  const Clock& clock_;
  std::optional<zone::Journal> journal_;  // none while it cannot be opened
  std::vector<Staged> staged_;
  bool is_unsynced_ = false;
  bool is_behind_ = false;
  uint64_t retry_at_ns_ = 0;
  JournalFacts facts_;
  transfer::History history_;
  std::function<void()> told_before_ = [] {};
  std::function<void(wire::NameView apex)> told_ = [](wire::NameView) {};
};

// The records of a version in zone memory, finished.
[[nodiscard]] Result<zone::Contents> contents_of(const zone::ZoneView& zone);

}  // namespace holdfast::control
