// SPDX-License-Identifier: GPL-3.0-or-later
// Holds the records of one zone as they arrive, in a few growing segments of bytes.
//
// Records that follow each other with the same owner form a run: the owner once, then the records.
// A run costs 16 bytes and its owner's, a record 10 bytes and its RDATA's. Owners are kept relative
// to the apex: the labels below it and a root label, so that the apex itself is the root name.
// Records that were staged apart are appended without a copy.
// Bound: segments_max of segment_bytes_max, 16 GiB; then `full()` holds and nothing is added. One
// thread.
#pragma once

#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "wire/name.h"
#include "zone/contents.h"

namespace holdfast::zone {

struct StagedRecord {
  uint16_t type = 0;
  uint32_t ttl = 0;
  Bytes rdata;
  Place place;
};

class Staging {
 public:
  // Names a run: its segment in the upper bits, its place there in units of four bytes in the
  // lower.
  using Run = uint32_t;
  static constexpr size_t segments_max = 64;
  static constexpr size_t segment_bytes_max = size_t{256} << 20;

  // `labels` are the owner's below the apex, without a root label.
  void add(Bytes labels, uint16_t type, uint32_t ttl, Bytes rdata, Place place);
  // Takes all that `part` holds, as if it had been added after what is here; `lines_before` is
  // added to its lines. False if there is no room for its segments; nothing is then changed.
  [[nodiscard]] bool append(Staging&& part, uint32_t lines_before);

  [[nodiscard]] bool full() const { return full_; }
  // Positions in `runs()`, ascending, of those that do not come after the run before them in
  // canonical order; the first order_breaks_max.
  [[nodiscard]] std::span<const size_t> order_breaks() const { return order_breaks_; }
  static constexpr size_t order_breaks_max = 1000;
  [[nodiscard]] bool has_nsec3() const { return has_nsec3_; }
  [[nodiscard]] std::vector<Run>& runs() { return runs_; }
  // Returns memory that was taken in advance.
  void shrink();

  [[nodiscard]] wire::NameView owner(Run run) const;
  // Appends the run's records to `records`.
  void read_records(Run run, std::vector<StagedRecord>& records) const;
  void prefetch(Run run) const { __builtin_prefetch(at(run)); }

 private:
  struct RunHeader {
    uint32_t record_bytes = 0;
    Place place;  // of the first record
    uint8_t owner_size = 0;
  };
  struct RecordHeader {  // the first record_header_bytes of it are kept
    uint32_t ttl;
    uint16_t type;
    uint16_t rdata_size;
    uint16_t line_distance;  // from the run's line
  };
  struct FreeBytes {
    void operator()(uint8_t* bytes) const { std::free(bytes); }
  };
  struct Segment {
    // By realloc, which moves a large block's pages instead of copying them.
    std::unique_ptr<uint8_t, FreeBytes> bytes;
    size_t size = 0;
    size_t capacity = 0;
    uint32_t lines_before = 0;
  };
  static constexpr size_t run_unit_bytes = 4;
  static constexpr size_t record_header_bytes = 10;
  static constexpr size_t run_bytes_max = sizeof(RunHeader) + wire::name_bytes_max + run_unit_bytes;
  static constexpr unsigned segment_shift = 26;
  static_assert((size_t{1} << segment_shift) * run_unit_bytes == segment_bytes_max);
  static_assert(segments_max << segment_shift == size_t{1} << 32);

  [[nodiscard]] const Segment& segment_of(Run run) const { return segments_[run >> segment_shift]; }
  [[nodiscard]] uint8_t* at(Run run) const {
    constexpr Run mask = (Run{1} << segment_shift) - 1;
    return segment_of(run).bytes.get() + size_t{run & mask} * run_unit_bytes;
  }
  [[nodiscard]] RunHeader header(Run run) const;
  [[nodiscard]] bool continues_last_run(Bytes labels, Place place, size_t bytes) const;
  [[nodiscard]] bool begin_run(Bytes labels, Place place, size_t bytes);
  void note_order(size_t position);
  static void reserve(Segment& segment, size_t bytes);
  [[nodiscard]] static bool resize(Segment& segment, size_t bytes);

  std::vector<Segment> segments_;
  bool last_is_closed_ = false;  // the last segment was appended: its lines are not ours
  std::vector<Run> runs_;
  RunHeader last_;
  bool full_ = false;
  bool has_nsec3_ = false;
  std::vector<size_t> order_breaks_;
};

}  // namespace holdfast::zone
