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

constexpr size_t first_block_bytes = 1024;  // a small zone fits

}  // namespace

void Staging::add(wire::NameView relative_owner, uint16_t type, uint32_t ttl, Bytes rdata,
                  Place place) {
  CHECK(rdata.size() <= std::numeric_limits<uint16_t>::max());
  const size_t bytes = record_header_bytes + rdata.size();
  if (full_ || !reserve(bytes + sizeof(RunHeader) + wire::name_bytes_max + run_unit_bytes)) return;
  if (!continues_last_run(relative_owner, place, bytes)) begin_run(relative_owner, place);
  const RecordHeader record{ttl, type, static_cast<uint16_t>(rdata.size()),
                            static_cast<uint16_t>(place.line - last_.place.line)};
  std::memcpy(block_.get() + size_, &record, record_header_bytes);
  if (!rdata.empty()) {
    std::memcpy(block_.get() + size_ + record_header_bytes, rdata.data(), rdata.size());
  }
  size_ += bytes;
  last_.record_bytes += static_cast<uint32_t>(bytes);
  std::memcpy(block_.get() + size_t{runs_.back()} * run_unit_bytes, &last_, sizeof last_);
  if (type == wire::type_nsec3) has_nsec3_ = true;
}

bool Staging::continues_last_run(wire::NameView owner, Place place, size_t bytes) const {
  if (runs_.empty() || last_.owner_size != owner.size()) return false;
  const uint8_t* last_owner = block_.get() + size_t{runs_.back()} * run_unit_bytes + sizeof last_;
  return std::memcmp(last_owner, owner.data(), owner.size()) == 0 &&
         place.file == last_.place.file && place.line >= last_.place.line &&
         place.line - last_.place.line <= std::numeric_limits<uint16_t>::max() &&
         last_.record_bytes + bytes <= run_record_bytes_max;
}

void Staging::begin_run(wire::NameView owner_name, Place place) {
  if (in_order_ && !runs_.empty()) {
    in_order_ = wire::compare_canonical(owner(runs_.back()), owner_name) < 0;
  }
  size_ = (size_ + run_unit_bytes - 1) / run_unit_bytes * run_unit_bytes;
  runs_.push_back(static_cast<Run>(size_ / run_unit_bytes));
  last_ = RunHeader{0, place, static_cast<uint8_t>(owner_name.size())};
  std::memcpy(block_.get() + size_, &last_, sizeof last_);
  std::memcpy(block_.get() + size_ + sizeof last_, owner_name.data(), owner_name.size());
  size_ += sizeof last_ + owner_name.size();
}

bool Staging::reserve(size_t bytes) {
  if (size_ + bytes <= capacity_) return true;
  if (size_ + bytes > bytes_max) {
    full_ = true;
    return false;
  }
  const size_t wanted =
      std::min(bytes_max, std::max({first_block_bytes, capacity_ * 2, size_ + bytes}));
  if (!resize_block(wanted)) throw std::bad_alloc();
  return true;
}

void Staging::shrink() {
  if (size_ == capacity_ || size_ == 0) return;
  static_cast<void>(resize_block(size_));  // if not, it stays larger than it needs to be
}

bool Staging::resize_block(size_t bytes) {
  uint8_t* before = block_.release();
  auto* resized = static_cast<uint8_t*>(std::realloc(before, bytes));
  block_.reset(resized != nullptr ? resized : before);
  if (resized == nullptr) return false;
  capacity_ = bytes;
  return true;
}

Staging::RunHeader Staging::header(Run run) const {
  RunHeader header;
  std::memcpy(&header, block_.get() + size_t{run} * run_unit_bytes, sizeof header);
  return header;
}

wire::NameView Staging::owner(Run run) const {
  const uint8_t* at = block_.get() + size_t{run} * run_unit_bytes + sizeof(RunHeader);
  return wire::NameView(Bytes(at, header(run).owner_size));
}

void Staging::read_records(Run run, std::vector<StagedRecord>& records) const {
  const RunHeader run_header = header(run);
  const uint8_t* at =
      block_.get() + size_t{run} * run_unit_bytes + sizeof(RunHeader) + run_header.owner_size;
  const uint8_t* end = at + run_header.record_bytes;
  while (at < end) {
    RecordHeader record{};
    std::memcpy(&record, at, record_header_bytes);
    at += record_header_bytes;
    const Place place{run_header.place.line + record.line_distance, run_header.place.file};
    records.push_back({record.type, record.ttl, Bytes(at, record.rdata_size), place});
    at += record.rdata_size;
  }
}

}  // namespace holdfast::zone
