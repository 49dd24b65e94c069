// SPDX-License-Identifier: GPL-3.0-or-later
// Records one after another in one piece of memory, in the form in which they also lie in files:
// owner | type | ttl | rdlength | rdata, names uncompressed.
//
// A plain value. Bound: the adder's.
#pragma once

#include <vector>

#include "base/check.h"
#include "transfer/zone_records.h"

namespace holdfast::transfer {

class RecordList {
 public:
  RecordList() = default;
  // None if the bytes are not such a list.
  [[nodiscard]] static std::optional<RecordList> from_bytes(Bytes bytes);

  void add(const ZoneRecord& record);
  [[nodiscard]] Bytes bytes() const { return bytes_; }
  [[nodiscard]] size_t count() const { return count_; }

  template <typename Visit>
  void for_each(Visit&& visit) const {
    ByteReader reader(bytes_);
    ZoneRecord record;
    while (reader.remaining() > 0) {
      CHECK(read(reader, bytes_, record));
      visit(static_cast<const ZoneRecord&>(record));
    }
  }

 private:
  static bool read(ByteReader& reader, Bytes bytes, ZoneRecord& record);

  std::vector<uint8_t> bytes_;
  size_t count_ = 0;
};

// One step from a version of a zone to a later one: the first record of each list is its SOA.
struct Difference {
  uint32_t from = 0;  // serials
  uint32_t to = 0;
  RecordList removed;
  RecordList added;
};

}  // namespace holdfast::transfer
