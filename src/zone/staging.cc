// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/staging.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "base/check.h"
#include "wire/types.h"

namespace holdfast::zone {

namespace {

constexpr size_t first_segment_bytes = 1024;  // a small zone fits

}  // namespace

void Staging::add(Bytes labels, uint16_t type, uint32_t ttl, Bytes rdata, Place place) {
  CHECK(rdata.size() <= std::numeric_limits<uint16_t>::max());
  const size_t bytes = record_header_bytes + rdata.size();
  if (continues_last_run(labels, place, bytes)) {
    reserve(segments_.back(), bytes);
  } else if (!begin_run(labels, place, bytes)) {
    return;
  }
  Segment& segment = segments_.back();
  const RecordHeader record{ttl, type, static_cast<uint16_t>(rdata.size()),
                            static_cast<uint16_t>(place.line - last_.place.line)};
  uint8_t* to = segment.bytes.get() + segment.size;
  std::memcpy(to, &record, record_header_bytes);
  if (!rdata.empty()) std::memcpy(to + record_header_bytes, rdata.data(), rdata.size());
  segment.size += bytes;
  last_.record_bytes += static_cast<uint32_t>(bytes);
  std::memcpy(at(runs_.back()), &last_, sizeof last_);
  if (type == wire::type_nsec3) has_nsec3_ = true;
}

bool Staging::continues_last_run(Bytes labels, Place place, size_t bytes) const {
  if (runs_.empty() || last_is_closed_ || last_.owner_size != labels.size() + 1) return false;
  return std::memcmp(at(runs_.back()) + sizeof last_, labels.data(), labels.size()) == 0 &&
         place.file == last_.place.file && place.line >= last_.place.line &&
         place.line - last_.place.line <= std::numeric_limits<uint16_t>::max() &&
         segments_.back().size + bytes <= segment_bytes_max;
}

// Makes room for the run and `bytes` of records; false if there is none.
bool Staging::begin_run(Bytes labels, Place place, size_t bytes) {
  const size_t wanted = run_bytes_max + bytes;
  const bool fits =
      !segments_.empty() && !last_is_closed_ && segments_.back().size + wanted <= segment_bytes_max;
  if (!fits) {
    full_ = full_ || segments_.size() == segments_max;
    if (full_) return false;
    segments_.emplace_back();
    last_is_closed_ = false;
  }
  Segment& segment = segments_.back();
  reserve(segment, wanted);
  segment.size = (segment.size + run_unit_bytes - 1) / run_unit_bytes * run_unit_bytes;
  runs_.push_back(
      static_cast<Run>((segments_.size() - 1) << segment_shift | segment.size / run_unit_bytes));
  last_ = RunHeader{0, place, static_cast<uint8_t>(labels.size() + 1)};
  uint8_t* to = segment.bytes.get() + segment.size;
  std::memcpy(to, &last_, sizeof last_);
  if (!labels.empty()) std::memcpy(to + sizeof last_, labels.data(), labels.size());
  to[sizeof last_ + labels.size()] = 0;
  segment.size += sizeof last_ + labels.size() + 1;
  note_order(runs_.size() - 1);
  return true;
}

void Staging::note_order(size_t position) {
  if (position == 0 || order_breaks_.size() == order_breaks_max) return;
  if (wire::compare_canonical(owner(runs_[position - 1]), owner(runs_[position])) >= 0) {
    order_breaks_.push_back(position);
  }
}

bool Staging::append(Staging&& part, uint32_t lines_before) {
  if (full_ || part.full_ || segments_.size() + part.segments_.size() > segments_max) return false;
  if (part.runs_.empty()) return true;
  const auto first_segment = static_cast<Run>(segments_.size() << segment_shift);
  const size_t first_run = runs_.size();
  for (Segment& segment : part.segments_) {
    segment.lines_before += lines_before;
    segments_.push_back(std::move(segment));
  }
  runs_.reserve(first_run + part.runs_.size());
  for (const Run run : part.runs_) runs_.push_back(run + first_segment);
  note_order(first_run);
  for (const size_t position : part.order_breaks_) {
    if (order_breaks_.size() < order_breaks_max) order_breaks_.push_back(first_run + position);
  }
  last_ = part.last_;
  last_is_closed_ = true;
  has_nsec3_ = has_nsec3_ || part.has_nsec3_;
  return true;
}

void Staging::reserve(Segment& segment, size_t bytes) {
  const size_t needed = segment.size + bytes;
  if (needed <= segment.capacity) return;
  const size_t wanted = std::max({first_segment_bytes, segment.capacity * 2, needed});
  if (!resize(segment, std::min(segment_bytes_max, wanted))) throw std::bad_alloc();
}

void Staging::shrink() {
  for (Segment& segment : segments_) {
    if (segment.size == segment.capacity || segment.size == 0) continue;
    static_cast<void>(resize(segment, segment.size));  // if not, it stays larger than it needs be
  }
}

bool Staging::resize(Segment& segment, size_t bytes) {
  uint8_t* before = segment.bytes.release();
  auto* resized = static_cast<uint8_t*>(std::realloc(before, bytes));
  segment.bytes.reset(resized != nullptr ? resized : before);
  if (resized == nullptr) return false;
  segment.capacity = bytes;
  return true;
}

Staging::RunHeader Staging::header(Run run) const {
  RunHeader header;
  std::memcpy(&header, at(run), sizeof header);
  return header;
}

wire::NameView Staging::owner(Run run) const {
  return wire::NameView(Bytes(at(run) + sizeof(RunHeader), header(run).owner_size));
}

void Staging::read_records(Run run, std::vector<StagedRecord>& records) const {
  const RunHeader run_header = header(run);
  const uint32_t run_line = run_header.place.line + segment_of(run).lines_before;
  const uint8_t* from = at(run) + sizeof(RunHeader) + run_header.owner_size;
  const uint8_t* end = from + run_header.record_bytes;
  while (from < end) {
    RecordHeader record{};
    std::memcpy(&record, from, record_header_bytes);
    from += record_header_bytes;
    const Place place{run_line + record.line_distance, run_header.place.file};
    records.push_back({record.type, record.ttl, Bytes(from, record.rdata_size), place});
    from += record.rdata_size;
  }
}

}  // namespace holdfast::zone
