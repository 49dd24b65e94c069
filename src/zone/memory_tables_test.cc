// SPDX-License-Identifier: GPL-3.0-or-later
// Tables for which there is not room enough, or that do not hold what they are to.
#include "zone/memory_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

using testing::HasSubstr;

class MemoryTablesTest : public testing::Test {
 protected:
  // The file's limit stands for a full disk.
  MemoryTablesTest()
      : file_(std::move(*MemoryFile::make(folder_.file(), uint64_t{4} << 20, {}))),
        allocator_(file_),
        tables_(allocator_, file_.base(),
                {.slots_min = 500, .step_bytes = 4096, .disk_reserve_bytes = 0}) {
    tables_.load();
  }

  // Spread over the table; nobody looks at what they refer to.
  static uint32_t tag_of(layout::Ref name) { return name * 2654435761U; }
  Result<void> add_name() {
    ++names_;
    return tables_.insert_name(tag_of(names_), names_);
  }
  // A table for 5,000 names, to which names come until a larger one is begun.
  void begin_growing() {
    ASSERT_TRUE(tables_.reserve_names(5000).has_value());
    while (!tables_.names().is_growing()) {
      ASSERT_LT(names_, 5200U);
      ASSERT_TRUE(add_name().has_value());
      ASSERT_TRUE(tables_.grow_ahead().has_value());
    }
  }
  void add_zones(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      const wire::Name apex = sample_name("z" + std::to_string(i) + ".example.");
      const wire::NameView view(apex);
      const auto zone = allocator_.allocate(layout::units_of(sizeof(layout::Zone) + view.size()));
      ASSERT_TRUE(zone.has_value());
      auto* made = layout::at<layout::Zone>(file_.base(), *zone);
      *made = {.version = 0,
               .apex_labels = static_cast<uint8_t>(view.label_count()),
               .apex_bytes = static_cast<uint8_t>(view.size()),
               .reserved = 0,
               .salt = 0};
      std::memcpy(made + 1, view.data(), view.size());
      ASSERT_TRUE(tables_.insert_zone(*zone).has_value());
    }
  }
  // All the space that there is and may be.
  void fill_disk() {
    for (uint32_t units = 256; units > 0; units /= 2) {
      while (const auto taken = allocator_.allocate(units)) taken_.push_back({*taken, units});
    }
    ASSERT_EQ(allocator_.free_bytes(), 0U);
    ASSERT_EQ(file_.bytes(), file_.bytes_max());
  }
  // Gives back what was taken just behind `start`, up to so many units; how many those are.
  uint64_t release_behind(layout::Ref start, uint64_t units_max) {
    std::ranges::sort(taken_, {}, &Extent::start);
    uint64_t units = 0;
    for (Extent& extent : taken_) {
      if (extent.start != start + units || units + extent.units > units_max) continue;
      units += extent.units;
      allocator_.release(extent);
      extent.units = 0;
    }
    return units;
  }
  static uint64_t units_for(uint32_t buckets) {
    return layout::units_of(TableRoot{.table = 0, .buckets = buckets}.bytes());
  }
  [[nodiscard]] uint64_t live_names() {
    return tables_.names().now().used() - tables_.names().now().graves();
  }
  [[nodiscard]] uint32_t buckets() { return tables_.names().root().buckets; }
  void expect_names() {
    EXPECT_EQ(live_names(), names_);
    EXPECT_EQ(TableRoot::from_word(file_.header()->name_table).buckets, buckets());
    for (layout::Ref name = 1; name <= names_; ++name) {
      ASSERT_EQ(find_in_table(file_.base(), tables_.names().root(), tag_of(name),
                              [&](layout::Ref candidate) { return candidate == name; }),
                name);
    }
  }

  SampleFolder folder_;
  MemoryFile file_;
  Allocator allocator_;
  MemoryTables tables_;
  layout::Ref names_ = 0;
  std::vector<Extent> taken_;
};

TEST_F(MemoryTablesTest, WhatIsPreparedOutlastsARefusal) {
  begin_growing();
  const TableRoot prepared = tables_.names().larger_root();
  fill_disk();
  const auto refused = tables_.reserve_names(20'000);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("the limit is"));
  ASSERT_TRUE(tables_.names().is_growing());
  // Two that are new: the room for more was asked for first.
  const auto room = tables_.reserve_names(200);
  ASSERT_TRUE(room.has_value()) << room.error().message;
  EXPECT_EQ(tables_.names().root().to_word(), prepared.to_word());
  expect_names();
}

TEST_F(MemoryTablesTest, ANameThatHasNoPlaceTakesWhatIsPrepared) {
  begin_growing();
  const TableRoot prepared = tables_.names().larger_root();
  fill_disk();
  // All in one bucket, so that the table in service has no place for the last ones.
  Result<void> added;
  while (buckets() != prepared.buckets) {
    ASSERT_LT(names_, 5500U);
    added = tables_.insert_name(0x40000000, ++names_);
    ASSERT_TRUE(added.has_value() || buckets() == prepared.buckets) << added.error().message;
  }
  EXPECT_EQ(tables_.names().root().to_word(), prepared.to_word());
  EXPECT_TRUE(tables_.reserve_names(200).has_value());
}

TEST_F(MemoryTablesTest, WhereThereIsNoRoomForAQuarterMoreLessWillDo) {
  ASSERT_TRUE(tables_.reserve_names(5000).has_value());
  while (names_ < 5000) ASSERT_TRUE(add_name().has_value());
  const uint32_t before = buckets();
  constexpr uint64_t more = 400;
  const uint32_t least = SlotTable::fewest_buckets_for(names_ + more);
  ASSERT_GT(least, before);
  fill_disk();
  const uint64_t units = units_for(least) + 64;
  ASSERT_GT(release_behind(taken_.front().start, units + 256), units);
  const auto room = tables_.reserve_names(more);
  ASSERT_TRUE(room.has_value()) << room.error().message;
  EXPECT_GE(buckets(), least);
  EXPECT_LT(buckets(), SlotTable::buckets_for(names_ + names_ / 4));
  expect_names();
}

TEST_F(MemoryTablesTest, WhatIsPreparedGoesIfItsPlaceIsWhatIsMissing) {
  begin_growing();
  const TableRoot prepared = tables_.names().larger_root();
  constexpr uint64_t more = 4000;
  const uint32_t least = SlotTable::fewest_buckets_for(names_ + more);
  ASSERT_GT(least, prepared.buckets);
  fill_disk();
  const uint64_t prepared_units = units_for(prepared.buckets);
  const auto end = static_cast<layout::Ref>(prepared.table + prepared_units);
  const uint64_t missing = units_for(least) - prepared_units;
  // A little too few beside it: then it stays.
  uint64_t units = release_behind(end, missing / 2);
  ASSERT_FALSE(tables_.reserve_names(more).has_value());
  ASSERT_TRUE(tables_.names().is_growing());
  units += release_behind(static_cast<layout::Ref>(end + units), missing + 2048);
  ASSERT_GT(units, missing + 4);
  ASSERT_LT(units, units_for(least)) << "it is not to fit beside it";
  const auto room = tables_.reserve_names(more);
  ASSERT_TRUE(room.has_value()) << room.error().message;
  EXPECT_FALSE(tables_.names().is_growing());
  EXPECT_GE(buckets(), least);
  expect_names();
}

TEST_F(MemoryTablesTest, NamesHaveTheirTurnThoughZonesHaveNoRoom) {
  ASSERT_TRUE(tables_.reserve_zones(5000).has_value());
  add_zones(5080);
  ASSERT_TRUE(tables_.reserve_names(600).has_value());
  while (SlotTable::ample_buckets_for(names_) <= buckets()) ASSERT_TRUE(add_name().has_value());
  const uint32_t before = buckets();
  fill_disk();
  const uint64_t units = units_for(SlotTable::buckets_for(names_ + names_ / 4)) + 4;
  ASSERT_GT(release_behind(taken_.front().start, units + 1024), units);
  int steps = 0;
  auto has_more = tables_.grow_ahead();
  for (; has_more && *has_more; has_more = tables_.grow_ahead()) ASSERT_LT(++steps, 100);
  EXPECT_GT(buckets(), before);
  EXPECT_EQ(tables_.grown_ahead(), 1U);
  ASSERT_FALSE(has_more.has_value()) << "that of zones is told of when names are done";
  EXPECT_THAT(has_more.error().message, HasSubstr("the limit is"));
  expect_names();
}

// Tags on both sides of a bucket's start in one table, within a bucket in one a quarter larger, and
// on both sides again in one a quarter larger than that.
struct AlikeTags {
  uint32_t low = 0;
  uint32_t high = 0;
};
std::optional<AlikeTags> find_alike(uint32_t first, uint32_t second, uint32_t third) {
  const auto bucket_of = [](uint32_t buckets, uint32_t tag) {
    return TableRoot{.table = 0, .buckets = buckets}.bucket_of(tag);
  };
  for (uint64_t bucket = first / 2; bucket < first; ++bucket) {
    const auto high = static_cast<uint32_t>(((bucket << 32) + first - 1) / first);
    for (uint32_t gap = 1; gap < (uint64_t{1} << 32) / first; gap *= 2) {
      const uint32_t low = high - gap;
      if (bucket_of(first, low) < bucket_of(first, high) &&
          bucket_of(second, low) == bucket_of(second, high) &&
          bucket_of(third, low) < bucket_of(third, high)) {
        return AlikeTags{low, high};
      }
    }
  }
  return std::nullopt;
}

TEST_F(MemoryTablesTest, AfterOneThatDidNotHoldThemTheNextIsAQuarterLarger) {
  constexpr uint32_t alike = probe_buckets_max * bucket_slots + 1;
  constexpr uint32_t slots = 5000;
  ASSERT_TRUE(tables_.reserve_names(slots).has_value());
  const uint32_t first = buckets();
  uint32_t used = slots;
  while (SlotTable::ample_buckets_for(used) <= first) ++used;
  const uint32_t second = SlotTable::buckets_for(used + used / 4);
  const auto tags = find_alike(first, second, second + second / 4);
  ASSERT_TRUE(tags.has_value());
  for (uint32_t i = 0; i < alike; ++i) {
    ASSERT_TRUE(tables_.insert_name(i == 0 ? tags->low : tags->high, 100'000 + i).has_value());
  }
  const size_t taken = tables_.names().root().bucket_of(tags->high);
  while (live_names() < used) {
    const auto bucket = tables_.names().root().bucket_of(tag_of(++names_));
    if (bucket + 64 > taken && bucket < taken + 64) continue;  // theirs, and what overflows there
    ASSERT_TRUE(tables_.insert_name(tag_of(names_), names_).has_value());
  }
  ASSERT_EQ(buckets(), first);
  const auto step_on = [&] {
    auto has_more = tables_.grow_ahead();
    while (has_more && *has_more) has_more = tables_.grow_ahead();
    return has_more;
  };
  const auto failed = step_on();
  ASSERT_FALSE(failed.has_value());
  EXPECT_THAT(failed.error().message, HasSubstr("does not hold"));
  EXPECT_EQ(tables_.too_small(), 1U);
  EXPECT_EQ(buckets(), first);
  const auto done = step_on();
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(buckets(), second + second / 4);
  EXPECT_EQ(tables_.too_small(), 1U);
  EXPECT_EQ(tables_.grown_ahead(), 1U);
  EXPECT_EQ(live_names(), used);
}

TEST_F(MemoryTablesTest, WhatRemovedNamesLeaveMakesNoSmallerTable) {
  ASSERT_TRUE(tables_.reserve_names(5000).has_value());
  const uint32_t before = buckets();
  // Buckets that were full once: what is removed there leaves a grave.
  layout::Ref name = 0;
  const auto tag_in = [&](uint64_t bucket) {
    return static_cast<uint32_t>(((bucket << 32) + before - 1) / before);
  };
  while (SlotTable::ample_buckets_for(name) <= before) {
    ++name;
    ASSERT_TRUE(tables_.insert_name(tag_in(name / bucket_slots), name).has_value());
  }
  for (layout::Ref each = bucket_slots; each + bucket_slots < name; ++each) {
    if (each % bucket_slots == 0) continue;
    ASSERT_TRUE(tables_.names().erase(tag_in(each / bucket_slots), each));
  }
  ASSERT_LT(live_names(), 1000U);
  auto has_more = tables_.grow_ahead();
  ASSERT_TRUE(has_more.has_value() && *has_more);
  while (has_more && *has_more) has_more = tables_.grow_ahead();
  ASSERT_TRUE(has_more.has_value());
  EXPECT_EQ(tables_.grown_ahead(), 1U);
  EXPECT_EQ(tables_.names().now().graves(), 0U);
  EXPECT_GE(buckets(), before);
}

// The end of the file as it is cut stands for a disk that has no blocks for what it reserved.
TEST_F(MemoryTablesTest, WithoutPagesForTheLargerOneItIsGivenUp) {
  const std::string path = folder_.file() + ".new";
  begin_growing();
  const TableRoot prepared = tables_.names().larger_root();
  const uint64_t place = uint64_t{prepared.table} * layout::unit_bytes;
  constexpr uint64_t page_bytes = 4096;
  std::filesystem::resize_file(path, (place / page_bytes + 1) * page_bytes);
  auto has_more = tables_.grow_ahead();
  while (has_more && *has_more) has_more = tables_.grow_ahead();
  ASSERT_FALSE(has_more.has_value());
  EXPECT_THAT(has_more.error().message, HasSubstr("cannot make pages"));
  EXPECT_FALSE(tables_.names().is_growing());
  // Nor for a change: it is refused.
  EXPECT_FALSE(tables_.reserve_names(1000).has_value());
  expect_names();
  std::filesystem::resize_file(path, file_.bytes());
  for (has_more = tables_.grow_ahead(); has_more && *has_more;) has_more = tables_.grow_ahead();
  ASSERT_TRUE(has_more.has_value()) << has_more.error().message;
  EXPECT_EQ(tables_.grown_ahead(), 1U);
  EXPECT_EQ(tables_.too_small(), 0U) << "its size was not the reason";
  expect_names();
}

}  // namespace
}  // namespace holdfast::zone
