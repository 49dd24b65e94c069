// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/allocator.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

constexpr uint64_t bytes_max = uint64_t{64} << 20;

class AllocatorTest : public testing::Test {
 protected:
  AllocatorTest() : file_(std::move(*MemoryFile::make(folder_.file(), bytes_max, {}))) {}

  SampleFolder folder_;
  MemoryFile file_;
  Allocator allocator_{file_};
};

TEST_F(AllocatorTest, NeverGivesTheSameSpaceTwice) {
  std::mt19937 random(1);
  std::vector<Extent> taken;
  for (int i = 0; i < 30000; ++i) {
    if (taken.empty() || random() % 5 < 3) {
      const uint32_t limit = random() % 50 == 0 ? 3000 : 40;
      const auto units = static_cast<uint32_t>(1 + random() % limit);
      const auto ref =
          random() % 10 == 0 ? allocator_.allocate_aligned(units) : allocator_.allocate(units);
      ASSERT_TRUE(ref.has_value());
      taken.push_back({*ref, units});
    } else {
      std::swap(taken[random() % taken.size()], taken.back());
      allocator_.release(taken.back());
      taken.pop_back();
    }
  }
  Occupancy occupancy(file_.bytes());
  ASSERT_TRUE(occupancy.take(0, layout::file_header_bytes));
  uint64_t used = layout::file_header_bytes;
  for (const Extent& extent : taken) {
    ASSERT_TRUE(occupancy.take(extent.start, extent.units * layout::unit_bytes));
    used += extent.units * layout::unit_bytes;
  }
  EXPECT_EQ(used + allocator_.free_bytes(), file_.bytes());
  uint64_t free = 0;
  for (const Extent& extent : occupancy.free_extents()) {
    EXPECT_TRUE(occupancy.take(extent.start, extent.units * layout::unit_bytes));
    free += extent.units * layout::unit_bytes;
  }
  EXPECT_EQ(free, allocator_.free_bytes());
}

TEST_F(AllocatorTest, WhatIsNotNeededYetLeavesRoomOnTheDisk) {
  constexpr uint32_t units = 100'000;  // 1.6 MB
  const auto refused = allocator_.allocate_aligned_ahead(units, uint64_t{1} << 60);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("would leave less than"), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(file_.bytes(), layout::file_header_bytes);
  EXPECT_EQ(std::filesystem::file_size(folder_.file() + ".new"), layout::file_header_bytes);
  const auto found = allocator_.allocate_aligned_ahead(units, 0);
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_EQ(*found % 4, 0U);
  EXPECT_EQ(std::filesystem::file_size(folder_.file() + ".new"), file_.bytes());
  EXPECT_EQ(allocator_.free_bytes(),
            file_.bytes() - layout::file_header_bytes - units * layout::unit_bytes);
  // What is free already takes nothing from the disk.
  allocator_.release({*found, units});
  EXPECT_TRUE(allocator_.allocate_aligned_ahead(units / 2, uint64_t{1} << 60).has_value());
  const auto too_much = allocator_.allocate_aligned_ahead(bytes_max / layout::unit_bytes, 0);
  ASSERT_FALSE(too_much.has_value());
  EXPECT_NE(too_much.error().message.find("the limit is"), std::string::npos)
      << too_much.error().message;
}

TEST_F(AllocatorTest, BeginsBlobsOfWholeLinesWithALine) {
  uint64_t used = layout::file_header_bytes;
  for (const uint32_t units : {3u, 4u, 1u, 8u, 5u, 4u, 2u, 4u, 12u}) {
    const layout::Ref ref = *allocator_.allocate(units);
    used += units * layout::unit_bytes;
    if (units != 4 && units != 8) continue;
    EXPECT_EQ(ref * layout::unit_bytes % 64, 0U) << units;
  }
  EXPECT_EQ(used + allocator_.free_bytes(), file_.bytes()) << "what was skipped is not lost";
}

TEST_F(AllocatorTest, JoinsSmallSpacesBeforeTheFileGrows) {
  std::vector<layout::Ref> refs;
  while (file_.bytes() < 4 << 20) refs.push_back(*allocator_.allocate(3));
  const uint64_t bytes = file_.bytes();
  for (const layout::Ref ref : refs) allocator_.release({ref, 3});
  EXPECT_TRUE(allocator_.allocate_aligned((3 << 20) / layout::unit_bytes).has_value());
  EXPECT_EQ(file_.bytes(), bytes);
}

TEST_F(AllocatorTest, KnowsWhatWouldLieFreeInOneStretch) {
  constexpr uint32_t units = 1000;
  std::array<layout::Ref, 5> blocks{};
  for (layout::Ref& block : blocks) block = *allocator_.allocate(units);
  for (size_t i = 1; i < blocks.size(); ++i) ASSERT_EQ(blocks[i], blocks[i - 1] + units);
  EXPECT_EQ(allocator_.units_with_neighbours({blocks[1], units}), units);
  allocator_.release({blocks[0], units});
  EXPECT_EQ(allocator_.units_with_neighbours({blocks[1], units}), 2 * units);
  EXPECT_EQ(allocator_.units_with_neighbours({blocks[2], units}), units);
  EXPECT_EQ(allocator_.units_with_neighbours({blocks[3], units}), units);
  allocator_.release({blocks[2], units});
  EXPECT_EQ(allocator_.units_with_neighbours({blocks[1], units}), 3 * units);
  EXPECT_EQ(allocator_.units_with_neighbours({blocks[3], units}), 2 * units);
  allocator_.release({blocks[1], units});
  EXPECT_EQ(allocator_.units_with_neighbours({blocks[3], units}), 4 * units);
}

TEST_F(AllocatorTest, SaysWhichFileCannotGrow) {
  const auto too_much = allocator_.allocate(bytes_max / layout::unit_bytes);
  ASSERT_FALSE(too_much.has_value());
  EXPECT_NE(too_much.error().message.find(folder_.file()), std::string::npos);
  EXPECT_NE(too_much.error().message.find("the limit is 67108864"), std::string::npos);
  EXPECT_TRUE(allocator_.allocate(1).has_value());
  uint64_t blocks = 0;
  while (allocator_.allocate(4096).has_value()) ++blocks;
  EXPECT_GT(blocks * 65536, bytes_max * 9 / 10);
  EXPECT_LE(file_.bytes(), bytes_max);
}

TEST_F(AllocatorTest, GrowsByMoreAndMoreWithinAChangeAndByLittleInTheNext) {
  const auto growth = [&] {
    const uint64_t before = file_.bytes();
    while (file_.bytes() == before) EXPECT_TRUE(allocator_.allocate(4096).has_value());
    return file_.bytes() - before;
  };
  uint64_t last = 0;
  while (file_.bytes() < 40 << 20) last = growth();
  EXPECT_GE(last, uint64_t{4} << 20);
  allocator_.begin_change();
  EXPECT_LE(growth(), uint64_t{2} << 20);
  EXPECT_GT(growth(), uint64_t{2} << 20);
}

TEST(OccupancyTest, KnowsItsBounds) {
  Occupancy occupancy(100 * layout::unit_bytes);
  EXPECT_FALSE(occupancy.take(100, 1));
  EXPECT_FALSE(occupancy.take(90, 11 * layout::unit_bytes));
  EXPECT_TRUE(occupancy.take(60, 10 * layout::unit_bytes));
  EXPECT_FALSE(occupancy.take(69, 1));
  EXPECT_TRUE(occupancy.take(70, 1));
  EXPECT_TRUE(occupancy.is_taken(60));
  EXPECT_FALSE(occupancy.is_taken(59));
  const auto extents = occupancy.free_extents();
  ASSERT_EQ(extents.size(), 2U);
  EXPECT_EQ(extents[0].start, 0U);
  EXPECT_EQ(extents[0].units, 60U);
  EXPECT_EQ(extents[1].start, 71U);
  EXPECT_EQ(extents[1].units, 29U);
}

}  // namespace
}  // namespace holdfast::zone
