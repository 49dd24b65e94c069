// SPDX-License-Identifier: GPL-3.0-or-later
// Holds the records of one zone as they arrive, in one growing block of bytes.
//
// Records that follow each other with the same owner form a run: the owner once, then the records.
// A run costs 16 bytes and its owner's, a record 10 bytes and its RDATA's. Owners are kept relative
// to the apex: the labels below it and a root label, so that the apex itself is the root name.
// Bound: `bytes_max`; after that `full()` holds and nothing is added. One thread.
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
  // Names a run by its place in the block, in units of four bytes.
  using Run = uint32_t;
  static constexpr size_t bytes_max = (size_t{1} << 34) - (size_t{1} << 20);

  void add(wire::NameView relative_owner, uint16_t type, uint32_t ttl, Bytes rdata, Place place);

  [[nodiscard]] bool full() const { return full_; }
  // True while every owner came after the one before it in canonical order.
  [[nodiscard]] bool in_order() const { return in_order_; }
  [[nodiscard]] bool has_nsec3() const { return has_nsec3_; }
  [[nodiscard]] std::vector<Run>& runs() { return runs_; }
  // Returns memory that was taken in advance.
  void shrink();

  [[nodiscard]] wire::NameView owner(Run run) const;
  // Appends the run's records to `records`.
  void read_records(Run run, std::vector<StagedRecord>& records) const;
  void prefetch(Run run) const { __builtin_prefetch(block_.get() + size_t{run} * run_unit_bytes); }

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
  struct FreeBlock {
    void operator()(uint8_t* block) const { std::free(block); }
  };
  static constexpr size_t run_unit_bytes = 4;
  static constexpr size_t record_header_bytes = 10;
  static constexpr uint32_t run_record_bytes_max = uint32_t{1} << 30;

  [[nodiscard]] RunHeader header(Run run) const;
  [[nodiscard]] bool continues_last_run(wire::NameView owner, Place place, size_t bytes) const;
  void begin_run(wire::NameView owner, Place place);
  [[nodiscard]] bool reserve(size_t bytes);
  [[nodiscard]] bool resize_block(size_t bytes);

  // By realloc, which moves a large block's pages instead of copying them.
  std::unique_ptr<uint8_t, FreeBlock> block_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  std::vector<Run> runs_;
  RunHeader last_;
  bool full_ = false;
  bool in_order_ = true;
  bool has_nsec3_ = false;
};

}  // namespace holdfast::zone
