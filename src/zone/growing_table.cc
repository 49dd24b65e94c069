// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/growing_table.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "zone/memory_file.h"

namespace holdfast::zone {

bool GrowingTable::insert(uint32_t tag, layout::Ref ref) {
  if (!now_.insert(tag, ref)) return false;
  if (is_copied(tag, ref) && !larger_->insert(tag, ref)) is_failed_ = true;
  return true;
}

void GrowingTable::replace(uint32_t tag, layout::Ref from, layout::Ref to) {
  if (is_copied(tag, from)) larger_->replace(tag, from, to);
  now_.replace(tag, from, to);
}

bool GrowingTable::erase(uint32_t tag, layout::Ref ref) {
  if (is_copied(tag, ref)) CHECK(larger_->erase(tag, ref));
  return now_.erase(tag, ref);
}

// Nothing moves within a table, so what stands before the next bucket to be copied is in both.
bool GrowingTable::is_copied(uint32_t tag, layout::Ref ref) const {
  if (!larger_ || is_failed_ || copied_buckets_ == 0) return false;
  const auto bucket = now_.bucket_of(tag, ref);
  return bucket && *bucket < copied_buckets_;
}

void GrowingTable::begin(TableRoot larger) {
  CHECK(!is_growing());
  larger_.emplace(base_, larger);
  cleared_bytes_ = 0;
  copied_buckets_ = 0;
  is_failed_ = false;
}

Result<GrowingTable::Step> GrowingTable::step(uint64_t bytes) {
  CHECK(is_growing());
  if (is_failed_) return Step::failed;
  const TableRoot larger = larger_->root();
  if (cleared_bytes_ < larger.bytes()) {
    const uint64_t part = std::min(bytes, larger.bytes() - cleared_bytes_);
    auto* first = layout::at<uint8_t>(base_, larger.table) + cleared_bytes_;
    TRY(fill_pages(first, part));
    std::memset(first, 0, part);
    cleared_bytes_ += part;
    return Step::unfinished;
  }
  const size_t buckets = now_.bucket_count();
  const size_t end =
      copied_buckets_ +
      std::min<uint64_t>(std::max<uint64_t>(bytes / sizeof(Bucket), 1), buckets - copied_buckets_);
  if (!larger_->fill_from(now_, copied_buckets_, end)) {
    is_failed_ = true;
    return Step::failed;
  }
  copied_buckets_ = end;
  return copied_buckets_ == buckets ? Step::finished : Step::unfinished;
}

Result<bool> GrowingTable::finish() {
  Step done = Step::unfinished;
  while (done == Step::unfinished) done = TRY(step(std::numeric_limits<uint64_t>::max()));
  return done == Step::finished;
}

TableRoot GrowingTable::take_over() {
  CHECK(is_growing() && !is_failed_);
  CHECK(cleared_bytes_ == larger_root().bytes() && copied_buckets_ == now_.bucket_count());
  const TableRoot before = root();
  now_ = *larger_;
  larger_.reset();
  too_few_buckets_ = 0;
  return before;
}

TableRoot GrowingTable::give_up() {
  CHECK(is_growing());
  const TableRoot larger = larger_root();
  if (is_failed_) too_few_buckets_ = larger.buckets;
  larger_.reset();
  return larger;
}

}  // namespace holdfast::zone
