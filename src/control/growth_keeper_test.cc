// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/growth_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/test_full_disk.h"
#include "wire/name_hash.h"
#include "zone/slot_table.h"

namespace holdfast::control {
namespace {

using testing::HasSubstr;

class GrowthKeeping : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-growth-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto memory = zone::Memory::open({.path = directory_ + "/zones.mem",
                                      .bytes_max = uint64_t{1} << 30,
                                      .hash_key = {.low = 1, .high = 2},
                                      .growth_ahead = {.slots_min = 100, .disk_reserve_bytes = 0}},
                                     epochs_);
    ASSERT_TRUE(memory.has_value()) << memory.error().message;
    memory_ = std::make_unique<zone::Memory>(*std::move(memory));
    keeper_ = std::make_unique<GrowthKeeper>(*memory_, clock_);
  }
  void TearDown() override {
    memory_.reset();
    std::filesystem::remove_all(directory_);
  }
  void add_zone() {
    const auto apex = wire::Name::from_text("z" + std::to_string(zones_++) + ".example.");
    ASSERT_TRUE(memory_->publish_unavailable(*apex).has_value());
  }
  // Adds zones until a larger table for them has no place in the file, and the disk has none more;
  // what the log says meanwhile.
  [[nodiscard]] std::string postpone() {
    const uint64_t before = keeper_->postponed();
    testing::internal::CaptureStderr();
    while (keeper_->postponed() == before && zones_ < 1'000'000) {
      add_zone();
      const FullDisk full(memory_->use().file_bytes);
      while (keeper_->step()) {
      }
    }
    EXPECT_EQ(keeper_->postponed(), before + 1);
    return testing::internal::GetCapturedStderr();
  }

  EpochBoard epochs_;
  ManualClock clock_;
  std::string directory_;
  std::unique_ptr<zone::Memory> memory_;
  std::unique_ptr<GrowthKeeper> keeper_;
  int zones_ = 0;
};

TEST_F(GrowthKeeping, TakesStepsUntilALargerTableIsInService) {
  int steps = 0;
  while (memory_->use().tables_grown_ahead == 0) {
    ASSERT_LT(zones_, 1000);
    add_zone();
    while (keeper_->step()) ++steps;
  }
  EXPECT_GT(steps, 1);
  EXPECT_EQ(keeper_->postponed(), 0U);
  EXPECT_FALSE(keeper_->step());
}

TEST_F(GrowthKeeping, WithoutRoomTriesAgainAfterMinutesAndSaysSoOnce) {
  EXPECT_THAT(postpone(), HasSubstr("memory-growth-postponed"));
  const uint64_t grown = memory_->use().tables_grown_ahead;
  clock_.advance_ms(GrowthKeeper::retry_ns / 1'000'000 - 1);
  EXPECT_FALSE(keeper_->step());
  EXPECT_EQ(keeper_->postponed(), 1U);
  clock_.advance_ms(1);
  testing::internal::CaptureStderr();
  {
    const FullDisk full(memory_->use().file_bytes);
    EXPECT_FALSE(keeper_->step());
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(keeper_->postponed(), 2U);
  clock_.advance_ms(GrowthKeeper::retry_ns / 1'000'000);
  EXPECT_TRUE(keeper_->step()) << "there is room again";
  while (keeper_->step()) {
  }
  EXPECT_EQ(memory_->use().tables_grown_ahead, grown + 1);
  EXPECT_THAT(postpone(), HasSubstr("memory-growth-postponed"));
}

// The disk has room when it begins, and none for the pages: what the file is cut to stands for
// that.
TEST_F(GrowthKeeping, SaysOnceThatWhatItBeginsCannotBeDone) {
  EXPECT_THAT(postpone(), HasSubstr("memory-growth-postponed"));
  const uint64_t file_bytes = memory_->use().file_bytes;
  const std::string path = directory_ + "/zones.mem";
  for (uint64_t postponed = 2; postponed < 4; ++postponed) {
    clock_.advance_ms(GrowthKeeper::retry_ns / 1'000'000);
    testing::internal::CaptureStderr();
    EXPECT_TRUE(keeper_->step()) << "it has begun";
    const uint64_t grown_bytes = memory_->use().file_bytes;
    ASSERT_GT(grown_bytes, file_bytes);
    std::filesystem::resize_file(path, file_bytes);
    while (keeper_->step()) {
    }
    std::filesystem::resize_file(path, grown_bytes);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_EQ(keeper_->postponed(), postponed);
  }
  const uint64_t grown = memory_->use().tables_grown_ahead;
  clock_.advance_ms(GrowthKeeper::retry_ns / 1'000'000);
  while (keeper_->step()) {
  }
  EXPECT_EQ(memory_->use().tables_grown_ahead, grown + 1);
  EXPECT_THAT(postpone(), HasSubstr("memory-growth-postponed"));
}

using zone::SlotTable;
using zone::TableRoot;

// The tables of zones that there will be if they come one by one: the first one in which there is
// room for the names that are to be alike, and the larger one that is begun then.
struct Tables {
  TableRoot now;
  TableRoot larger;
  uint64_t slots = 0;  // used when it is begun
};
Tables tables_with_room_for(uint64_t slots_more) {
  Tables tables;
  for (uint64_t zones = 0;; ++zones) {
    if (SlotTable::fewest_buckets_for(zones + 1) <= tables.now.buckets) continue;
    tables.now.buckets = SlotTable::buckets_for(std::max(zones + 1, zones + zones / 4));
    tables.slots = zones;
    while (SlotTable::ample_buckets_for(tables.slots) <= tables.now.buckets) ++tables.slots;
    tables.larger.buckets = SlotTable::buckets_for(tables.slots + tables.slots / 4);
    if (tables.slots >= zones + slots_more) return tables;
  }
}

// Of the buckets of the first whose start lies well within one of the second, the last.
size_t bucket_that_begins_within(TableRoot first, TableRoot second) {
  const auto third = static_cast<uint32_t>((uint64_t{1} << 32) / second.buckets / 3);
  for (size_t bucket = first.buckets - 1;; --bucket) {
    CHECK(bucket > 0);
    const auto start = static_cast<uint32_t>((uint64_t{bucket} << 32) / first.buckets + 1);
    if (second.bucket_of(start - third) == second.bucket_of(start + third)) return bucket;
  }
}

// As many zones as have a place with nearly the same hash, and one in the bucket before: in the
// larger table that is the same bucket.
TEST_F(GrowthKeeping, CountsApartWhatHeldTooLittle) {
  constexpr size_t alike_max = zone::probe_buckets_max * zone::bucket_slots;
  const Tables tables = tables_with_room_for(alike_max + 2);
  const size_t bucket = bucket_that_begins_within(tables.now, tables.larger);
  const size_t shared = tables.larger.bucket_of(
      static_cast<uint32_t>(((uint64_t{bucket} << 32) / tables.now.buckets) + 1));
  std::vector<wire::Name> alike;
  std::vector<wire::Name> before;
  std::vector<wire::Name> others;
  for (int i = 0;
       alike.size() < alike_max || before.empty() || others.size() < tables.slots - alike_max - 1;
       ++i) {
    const wire::Name apex = *wire::Name::from_text("z" + std::to_string(i) + ".example.");
    const wire::SuffixHashes hashes(apex, memory_->reader().hash_key());
    const uint32_t tag = zone::layout::zone_tag(hashes.of_last(hashes.label_count()));
    const size_t place = tables.now.bucket_of(tag);
    if (tables.larger.bucket_of(tag) == shared) {
      auto& kind = place == bucket ? alike : before;
      if (kind.size() < (place == bucket ? alike_max : 1)) kind.push_back(apex);
    } else if (place + 16 < bucket && others.size() < tables.slots - alike_max - 1) {
      others.push_back(apex);
    }
  }
  const auto table = [&] {
    return TableRoot::from_word(zone::layout::file_header(memory_->reader().base())->zone_table);
  };
  for (const auto* kind : {&others, &before, &alike}) {
    for (const wire::Name& apex : *kind) {
      ASSERT_TRUE(memory_->publish_unavailable(apex).has_value());
    }
    ASSERT_EQ(table().buckets, tables.now.buckets);
  }
  testing::internal::CaptureStderr();
  while (keeper_->step()) {
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("does not hold"));
  EXPECT_EQ(table().buckets, tables.now.buckets);
  EXPECT_EQ(memory_->use().tables_too_small, 1U);
  EXPECT_EQ(keeper_->postponed(), 0U) << "the disk had room";
}

}  // namespace
}  // namespace holdfast::control
