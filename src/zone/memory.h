// SPDX-License-Identifier: GPL-3.0-or-later
// The one writer of zone memory: publishes, replaces and removes zones in the file that the answer
// processes map.
//
// The file lies in the state directory. It survives the end of every process; after an unclean end
// of the writer `open` puts it in order (half-published versions are taken back, the allocator is
// rebuilt), and after a power failure it is discarded, because its pages may be of different
// ages: the caller then loads from the journal (zone/journal.h) and the zone files.
// A publication is seen by readers whole or not at all; other zones are not touched by it.
// Bound: 64 GiB. Owner: control; one thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/epoch.h"
#include "base/error.h"
#include "zone/contents.h"
#include "zone/view.h"

namespace holdfast::zone {

// How a table of zones or names is built larger before it is full, so that no change waits for it.
struct GrowthAhead {
  // A smaller table is built anew within a change: it takes less than 5 ms.
  uint64_t slots_min = 65'536;
  // What a step clears or copies: some 1 ms.
  uint64_t step_bytes = uint64_t{512} << 10;
  // What stays free on the disk, for journal, transfers and changes, which come first.
  uint64_t disk_reserve_bytes = uint64_t{128} << 20;
};

struct MemoryOptions {
  std::string path;                         // of the file
  uint64_t bytes_max = uint64_t{64} << 30;  // the mapping's address space, and the file's limit
  HashKey hash_key;                         // used when the file is made anew
  // How long another writer may take to end, such as the predecessor that syncs the file.
  uint32_t lock_wait_ms = 0;
  GrowthAhead growth_ahead = {};
};

struct MemoryUse {
  uint64_t file_bytes = 0;     // reserved on disk
  uint64_t live_bytes = 0;     // in published zones and tables
  uint64_t free_bytes = 0;     // reusable inside the file
  uint64_t retired_bytes = 0;  // waiting for readers
  // What was written to since the last whole round of write_out began, in pages; about. After the
  // end of a writer that did not close it, all of the file.
  uint64_t unwritten_bytes = 0;
  // Since the file was opened.
  uint64_t tables_grown_ahead = 0;
  uint64_t tables_too_small = 0;  // begun ahead, and did not hold what the one in service does
  uint64_t tables_replaced = 0;   // in all
  uint64_t zones = 0;
  uint64_t nodes = 0;
  uint64_t records = 0;
};

struct Publication {
  uint32_t generation = 0;
  uint64_t nodes_written = 0;
  uint64_t nodes_kept = 0;
  uint64_t nodes_removed = 0;
};

// One changed node of a publication: its new state, or removed (node_removed in flags).
using NodeChange = std::function<void(const StagedNode&)>;

class Memory {
 public:
  // `epochs` is shared with the readers and outlives this.
  [[nodiscard]] static Result<Memory> open(const MemoryOptions& options, EpochBoard& epochs);
  Memory(Memory&&) noexcept;
  Memory& operator=(Memory&&) noexcept;
  ~Memory();

  // What `open` found.
  enum class Origin : uint8_t { made_new, kept_after_clean_end, kept_after_crash, discarded };
  [[nodiscard]] Origin origin() const;
  // If that is discarded: a sentence that says why. A file that is damaged or not ours is kept
  // aside as PATH.bad, in the place of any earlier one. Readers that map it keep it until they are
  // told to map PATH again.
  [[nodiscard]] const std::string& discard_reason() const;

  // Publishes `contents` (finished) as the zone's new version; only nodes that differ are written,
  // and if none does, nothing changes and the generation stays. `on_change`, if set, sees each
  // changed node before the version becomes visible. On an error (memory or disk exhausted, more
  // than a bound), which may come after `on_change` was called, the old version stays.
  [[nodiscard]] Result<Publication> publish(const Contents& contents, const NodeChange& on_change);
  // Several zones at once, or none: each is staged as by `publish`, invisible and beside what is
  // published, then all become visible by show_staged, or are given back by drop_staged. An error
  // of `stage` leaves those before it staged, one of show_staged drops all. A zone is staged at
  // most once; until shown or dropped, nothing else may be changed. The disk must hold old and new.
  [[nodiscard]] Result<Publication> stage(const Contents& contents, const NodeChange& on_change);
  // `stage_amendment` is to `amend`, below, what `stage` is to `publish`.
  [[nodiscard]] Result<Publication> stage_amendment(wire::NameView apex,
                                                    std::span<const StagedNode> changes,
                                                    const NodeChange& on_change);
  [[nodiscard]] Result<void> show_staged();
  void drop_staged();
  // The same from the nodes that differ: each in its new state, or with node_removed. In canonical
  // order, NSEC3 owners last; flags of other nodes that follow from the change (node_has_wildcard,
  // node_occluded, empty non-terminals) are the caller's to bring along. The cost is that of the
  // changed names, however large the zone is. The apex cannot be removed.
  [[nodiscard]] Result<Publication> amend(wire::NameView apex, std::span<const StagedNode> changes,
                                          const NodeChange& on_change);
  // Enters the zone without contents (ZoneView::available is false); nothing happens if it has
  // some.
  [[nodiscard]] Result<void> publish_unavailable(wire::NameView apex);
  // False if there is no such zone.
  bool remove(wire::NameView apex);
  // Frees what no reader can see any more. Cheap; call after changes and each second.
  void reclaim();
  // One step, of some ms, towards a larger table for zones or names if one is nearly full; it is
  // taken into service once it holds all. Call between changes; true: there is more to do. On an
  // error, such as a disk without room for it, the tables stay as they are, and it is worth trying
  // again after minutes.
  [[nodiscard]] Result<bool> grow_ahead();
  // One step, of `write_out_bytes`, of a round over the file after which the disk holds what zone
  // memory was when it began. Nothing needs that: but the kernel has it written sooner or later,
  // and if that is all of a large zone at once, whoever syncs a file then waits for all of it. Call
  // between changes; true: there is more to do. An error ends the round; the next one writes all
  // again, for the kernel takes what it failed to write for written, and close_clean fails from
  // then on: what was lost, nobody knows.
  static constexpr uint64_t write_out_bytes = uint64_t{4} << 20;
  [[nodiscard]] Result<bool> write_out();
  // Syncs the file and marks it good for the next start, machine restarts included.
  [[nodiscard]] Result<void> close_clean();

  // Views are valid until the next call that is not const.
  [[nodiscard]] std::optional<ZoneView> find(wire::NameView apex) const;
  void for_each_zone(const std::function<void(const ZoneView&)>& visit) const;
  [[nodiscard]] MemoryReader reader() const;
  [[nodiscard]] MemoryUse use() const;

 private:
  struct Impl;
  explicit Memory(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whether the file at `path` is what `open` would keep, so that it can be answered from before the
// writer has opened it. Writes nothing.
[[nodiscard]] bool is_memory_kept(const std::string& path);

// Maps the file read-only for an answer process; the mapping lasts until the process ends.
[[nodiscard]] Result<const uint8_t*> map_memory_for_reading(const std::string& path,
                                                            uint64_t bytes_max);

}  // namespace holdfast::zone
