// SPDX-License-Identifier: GPL-3.0-or-later
// The last known good state of every zone on disk, for when zone memory is lost (power failure) and
// the source of a zone is bad.
//
// An append-only log in the state directory: whole zones, differences to what the log holds of the
// zone, and removals. docs/zone-journal.md describes the file. What is appended is safe after
// `sync`; a torn end is cut off when the journal is opened, damage inside costs the entries that it
// hits, back to the zone's last state before them. An append that fails (disk full) leaves the
// journal as it was. Memory: 43 to 96 bytes a zone, and what replaying one zone takes.
// Owner: control; one thread. Errors name the file.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "zone/contents.h"

namespace holdfast::zone {

struct JournalOptions {
  std::string path;
  // Compaction is due when the file is larger than twice what the zones' last whole entries take,
  // and this.
  uint64_t slack_bytes = uint64_t{64} << 20;
};

class Journal {
  struct Impl;

 public:
  // A missing file is made. A file of another kind is kept aside as PATH.bad.
  [[nodiscard]] static Result<Journal> open(const JournalOptions& options);
  Journal(Journal&&) noexcept;
  Journal& operator=(Journal&&) noexcept;
  ~Journal();

  // What had to be cut off or skipped when the file was opened: sentences, at most warnings_max.
  static constexpr size_t warnings_max = 20;
  [[nodiscard]] const std::vector<std::string>& warnings() const;

  // Names one state of a zone: a number of the caller's that no other state of the zone has, so
  // that a difference is never put on top of a state that it does not belong to.
  using State = uint64_t;
  // True if the journal holds the zone in this state.
  [[nodiscard]] bool holds(wire::NameView apex, State state) const;

  // The zone's new state; `contents` are finished.
  [[nodiscard]] Result<void> append_whole(const Contents& contents, State state);

  // Changed nodes of one zone, as Memory::publish gives them. Kept in memory until `commit` writes
  // it; that fails if the zone's state is no longer what it starts from.
  class Difference {
   public:
    static constexpr size_t bytes_max = size_t{256} << 20;

    void add(const StagedNode& node);
    // Beyond bytes_max nothing is kept: the whole zone is to be appended instead.
    [[nodiscard]] bool is_too_large() const { return is_too_large_; }
    [[nodiscard]] Result<void> commit();

   private:
    friend class Journal;
    Difference(Journal& journal, wire::NameView apex, State before, State after);
    Impl* journal_;
    wire::Name apex_;
    State before_;
    State after_;
    std::vector<uint8_t> bytes_;
    bool is_too_large_ = false;
  };
  // The caller has made sure that the journal `holds` the state `before`.
  [[nodiscard]] Difference begin_difference(wire::NameView apex, State before, State after);

  // Nothing happens if the zone is not in the journal.
  [[nodiscard]] Result<void> append_removed(wire::NameView apex);

  // All that was appended survives a power failure once this has returned.
  [[nodiscard]] Result<void> sync();

  // The zone's last state, or none.
  [[nodiscard]] Result<std::optional<Contents>> load(wire::NameView apex);
  // The last state of each zone, one after another in the order of the file. A zone that cannot be
  // read is passed over, with a sentence to `complain`.
  using ZoneVisitor = std::function<void(Contents&&)>;
  using Complaint = std::function<void(const std::string&)>;
  void replay(const ZoneVisitor& visit, const Complaint& complain);

  [[nodiscard]] uint64_t size_bytes() const;
  [[nodiscard]] bool compaction_due() const;
  // Writes the zones' last states into a new file and puts it in the place of this one. On an error
  // this one stays.
  [[nodiscard]] Result<void> compact();

 private:
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::zone
