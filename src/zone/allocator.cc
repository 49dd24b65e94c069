// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/allocator.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace holdfast::zone {

namespace {

// The file grows by an eighth, but by a large page at least and a step at most: few system calls,
// little reserved for nothing. It ends where one ends, so that the kernel can fill each at once; a
// part that came by less would lie in small pages for good.
constexpr uint64_t large_page_bytes = uint64_t{2} << 20;
constexpr uint32_t line_units = 64 / layout::unit_bytes;
constexpr uint32_t aligned_units_max = 2 * line_units;

// How far behind a line's start such a blob would begin for nothing: one or two lines hold it.
// Most nodes with one small RRset are of one line; in a large zone another is another wait.
uint32_t units_to_line(layout::Ref start, uint32_t units) {
  if (units % line_units != 0 || units > aligned_units_max) return 0;
  return (line_units - start % line_units) % line_units;
}

}  // namespace

Allocator::Allocator(MemoryFile& file) : file_(file), small_(small_units_max + 1) {}

Result<layout::Ref> Allocator::allocate(uint32_t units) {
  CHECK(units > 0);
  const layout::Ref ref = TRY(find_or_grow(units));
  note_touched(ref, units);
  return ref;
}

void Allocator::note_touched(layout::Ref ref, uint32_t units) {
  const uint64_t begin = uint64_t{ref} * layout::unit_bytes;
  const uint64_t first = begin / page_bytes;
  const uint64_t last = (begin + uint64_t{units} * layout::unit_bytes - 1) / page_bytes;
  touched_pages_ += last - first + (first == page_touched_last_ ? 0 : 1);
  page_touched_last_ = last;
}

Result<layout::Ref> Allocator::find_or_grow(uint32_t units) {
  layout::Ref ref = 0;
  const auto take = [&] {
    return units <= small_units_max ? take_small(units, ref) : take_large(units, ref);
  };
  if (take()) return ref;
  if (units <= small_units_max && split_small(units, ref)) return ref;
  tidy();
  if (take()) return ref;
  auto grown = grow(units);
  if (!grown && released_since_join_ > 0) {
    join();
    if (take()) return ref;
  }
  if (!grown) return std::unexpected(grown.error());
  CHECK(take());
  return ref;
}

Result<layout::Ref> Allocator::allocate_aligned(uint32_t units) {
  return cut_to_line(TRY(allocate(units + line_units - 1)), units);
}

Result<layout::Ref> Allocator::allocate_aligned_ahead(uint32_t units, uint64_t disk_reserve_bytes) {
  const uint32_t with_margin = units + line_units - 1;
  layout::Ref start = 0;
  if (!take_large(with_margin, start)) {
    TRY(grow_ahead(with_margin, disk_reserve_bytes));
    CHECK(take_large(with_margin, start));
  }
  note_touched(start, with_margin);
  return cut_to_line(start, units);
}

// Gives back what of a stretch with a margin lies around such a blob.
layout::Ref Allocator::cut_to_line(layout::Ref start, uint32_t units) {
  const layout::Ref aligned = (start + line_units - 1) / line_units * line_units;
  release({start, aligned - start});
  release({aligned + units, start + line_units - 1 - aligned});
  return aligned;
}

bool Allocator::take_small(uint32_t units, layout::Ref& ref) {
  if (!small_[units].empty()) {
    ref = small_[units].back();
    small_[units].pop_back();
    small_units_ -= units;
    return true;
  }
  if (region_.units < units && !take_region(units)) return false;
  const uint32_t skipped = units_to_line(region_.start, units);
  if (skipped > 0 && region_.units >= skipped + units) {
    add_small({region_.start, skipped});
    region_.start += skipped;
    region_.units -= skipped;
  }
  ref = region_.start;
  region_.start += units;
  region_.units -= units;
  return true;
}

// The lists of larger blobs, when nothing else is left but to grow the file.
bool Allocator::split_small(uint32_t units, layout::Ref& ref) {
  for (uint32_t size = units + 1; size <= small_units_max; ++size) {
    if (small_[size].empty()) continue;
    ref = small_[size].back();
    small_[size].pop_back();
    small_units_ -= size;
    add_small({ref + units, size - units});
    return true;
  }
  return false;
}

bool Allocator::take_region(uint32_t units) {
  auto best = sizes_.lower_bound({region_units_min, 0});
  if (best == sizes_.end()) best = sizes_.lower_bound({units, 0});
  if (best == sizes_.end()) return false;
  const Extent next{best->second, best->first};
  remove_large(large_.find(next.start));
  if (region_.units > 0) add_small(region_);
  region_ = next;
  return true;
}

bool Allocator::take_large(uint32_t units, layout::Ref& ref) {
  const auto best = sizes_.lower_bound({units, 0});
  if (best == sizes_.end()) {
    if (region_.units < units) return false;
    ref = region_.start;
    region_.start += units;
    region_.units -= units;
    return true;
  }
  const Extent found{best->second, best->first};
  remove_large(large_.find(found.start));
  ref = found.start;
  release({found.start + units, found.units - units});
  return true;
}

void Allocator::release(Extent extent) {
  if (extent.units == 0) return;
  released_since_join_ += extent.units;
  if (extent.units <= small_units_max) {
    add_small(extent);
  } else {
    add_large(extent);
  }
}

uint64_t Allocator::units_with_neighbours(Extent extent) const {
  uint64_t units = extent.units;
  const auto next = large_.lower_bound(extent.start);
  if (next != large_.end() && extent.start + extent.units == next->first) units += next->second;
  if (next == large_.begin()) return units;
  const auto previous = std::prev(next);
  return previous->first + previous->second == extent.start ? units + previous->second : units;
}

void Allocator::add_small(Extent extent) {
  if (extent.units > small_units_max) return add_large(extent);
  small_[extent.units].push_back(extent.start);
  small_units_ += extent.units;
}

void Allocator::add_large(Extent extent) {
  auto next = large_.lower_bound(extent.start);
  if (next != large_.end() && extent.start + extent.units == next->first) {
    extent.units += next->second;
    const auto joined = next++;
    remove_large(joined);
  }
  if (next != large_.begin()) {
    const auto previous = std::prev(next);
    if (previous->first + previous->second == extent.start) {
      extent = {previous->first, previous->second + extent.units};
      remove_large(previous);
    }
  }
  large_.emplace(extent.start, extent.units);
  sizes_.emplace(extent.units, extent.start);
  large_units_ += extent.units;
}

void Allocator::remove_large(std::map<layout::Ref, uint32_t>::iterator stretch) {
  large_units_ -= stretch->second;
  sizes_.erase({stretch->second, stretch->first});
  large_.erase(stretch);
}

void Allocator::tidy() {
  // Sorting all that is free pays once an eighth of the file has come back.
  if (released_since_join_ * layout::unit_bytes >= file_.bytes() / 8) join();
}

void Allocator::join() {
  std::vector<Extent> all;
  all.reserve(large_.size());
  for (const auto& [start, units] : large_) all.push_back({start, units});
  for (uint32_t units = 1; units <= small_units_max; ++units) {
    for (const layout::Ref start : small_[units]) all.push_back({start, units});
    small_[units] = {};
  }
  if (region_.units > 0) all.push_back(region_);
  std::ranges::sort(all, {}, &Extent::start);
  region_ = {};
  large_.clear();
  sizes_.clear();
  small_units_ = 0;
  large_units_ = 0;
  Extent open;
  for (const Extent& extent : all) {
    if (open.units > 0 && open.start + open.units == extent.start) {
      open.units += extent.units;
      continue;
    }
    release(open);
    open = extent;
  }
  release(open);
  released_since_join_ = 0;
}

Result<void> Allocator::grow(uint32_t units) {
  const uint64_t before = file_.bytes();
  const uint64_t needed = uint64_t{units} * layout::unit_bytes;
  const uint64_t wanted = std::clamp(before / 8, large_page_bytes, step_bytes_);
  step_bytes_ = std::min(2 * step_bytes_, step_bytes_max);
  const uint64_t least = before + std::max(needed, region_units_min * layout::unit_bytes);
  const uint64_t end = std::max(before - before % large_page_bytes + wanted, least);
  auto grown = file_.grow_to(whole_pages(end, least), Pages::filled);
  if (!grown) grown = file_.grow_to(least, Pages::filled);  // perhaps there is room for just this
  if (!grown) return grown;
  add_grown(before);
  return {};
}

Result<void> Allocator::grow_ahead(uint32_t units, uint64_t disk_reserve_bytes) {
  const uint64_t before = file_.bytes();
  const uint64_t least = before + uint64_t{units} * layout::unit_bytes;
  const uint64_t end = whole_pages(least, least);
  const uint64_t bytes_free = TRY(file_.disk_bytes_free());
  if (bytes_free < disk_reserve_bytes || bytes_free - disk_reserve_bytes < end - before) {
    return fail(file_.path() + ": " + std::to_string(end - before) +
                " bytes more would leave less than " + std::to_string(disk_reserve_bytes) + " of " +
                std::to_string(bytes_free) + " free on its disk");
  }
  TRY(file_.grow_to(end, Pages::filled_by_use));
  add_grown(before);
  return {};
}

// `end` or the end of the large page that it lies in, but within the file's limit if `least` is.
uint64_t Allocator::whole_pages(uint64_t end, uint64_t least) const {
  return std::min((end + large_page_bytes - 1) & ~(large_page_bytes - 1),
                  std::max(file_.bytes_max(), least));
}

void Allocator::add_grown(uint64_t bytes_before) {
  const Extent added{static_cast<layout::Ref>(bytes_before / layout::unit_bytes),
                     static_cast<uint32_t>((file_.bytes() - bytes_before) / layout::unit_bytes)};
  if (region_.units > 0 && region_.start + region_.units == added.start) {
    region_.units += added.units;
  } else {
    add_large(added);
  }
}

uint64_t Allocator::free_bytes() const {
  return (small_units_ + large_units_ + region_.units) * layout::unit_bytes;
}

Occupancy::Occupancy(uint64_t file_bytes)
    : units_(file_bytes / layout::unit_bytes), words_((units_ + 63) / 64) {}

bool Occupancy::take(layout::Ref start, uint64_t bytes) {
  const uint64_t end = start + (bytes + layout::unit_bytes - 1) / layout::unit_bytes;
  if (end > units_) return false;
  for (uint64_t unit = start; unit < end;) {
    const uint64_t bit = unit % 64;
    const uint64_t count = std::min<uint64_t>(64 - bit, end - unit);
    const uint64_t mask = (count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1) << bit;
    if ((words_[unit / 64] & mask) != 0) return false;
    words_[unit / 64] |= mask;
    unit += count;
  }
  return true;
}

std::vector<Extent> Occupancy::free_extents() const {
  std::vector<Extent> extents;
  uint64_t unit = 0;
  const auto bits_from = [&](uint64_t at) { return words_[at / 64] >> (at % 64); };
  while (unit < units_) {
    const uint64_t taken = static_cast<uint64_t>(std::countr_one(bits_from(unit)));
    if (taken > 0) {
      unit += taken;
      continue;
    }
    const uint64_t start = unit;
    while (unit < units_) {
      const uint64_t word = bits_from(unit);
      const uint64_t left = 64 - unit % 64;
      const uint64_t free = word == 0 ? left : static_cast<uint64_t>(std::countr_zero(word));
      unit += free;
      if (free < left) break;
    }
    unit = std::min(unit, units_);
    extents.push_back({static_cast<layout::Ref>(start), static_cast<uint32_t>(unit - start)});
  }
  return extents;
}

}  // namespace holdfast::zone
