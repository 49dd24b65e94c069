// SPDX-License-Identifier: GPL-3.0-or-later
// Several zones at once, or none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "base/test_full_disk.h"
#include "zone/memory_model.h"

namespace holdfast::zone {
namespace {

using testing::HasSubstr;

constexpr uint32_t zones = 20;

ModelZone model(uint32_t index) {
  return {"zone" + std::to_string(index) + ".example.", 1 + index * 5};
}

class MemoryStageTest : public testing::Test {
 protected:
  void publish(uint32_t index, uint32_t serial) {
    SampleZone version = model(index).version(serial);
    ASSERT_TRUE(memory_.publish(version.finish(), nullptr).has_value());
  }
  [[nodiscard]] Result<Publication> stage(uint32_t index, uint32_t serial) {
    SampleZone version = model(index).version(serial);
    return memory_.stage(version.finish(), nullptr);
  }
  // Every one of the first `count` zones is whole and in this version; there are no others.
  void expect_all(uint32_t count, uint32_t serial) {
    EXPECT_EQ(memory_.use().zones, count);
    for (uint32_t i = 0; i < count; ++i) {
      const auto zone = memory_.find(sample_name(model(i).apex()));
      ASSERT_TRUE(zone.has_value());
      EXPECT_EQ(zone->serial(), serial) << i;
      EXPECT_EQ(model(i).trouble_with(memory_.reader(), *zone), "");
    }
  }
  void expect_counts() {
    uint64_t nodes = 0;
    uint64_t records = 0;
    memory_.for_each_zone([&](const ZoneView& zone) {
      nodes += zone.node_count();
      records += zone.record_count();
    });
    EXPECT_EQ(memory_.use().nodes, nodes);
    EXPECT_EQ(memory_.use().records, records);
  }
  void reclaim() {
    memory_.reclaim();
    memory_.reclaim();
    EXPECT_EQ(memory_.use().retired_bytes, 0U);
  }

  SampleFolder folder_;
  EpochBoard epochs_;
  Memory memory_ = std::move(*Memory::open(sample_options(folder_.file()), epochs_));
};

TEST_F(MemoryStageTest, NothingIsSeenUntilAllIsShown) {
  for (uint32_t i = 0; i < zones / 2; ++i) publish(i, 1);
  for (uint32_t i = 0; i < zones; ++i) {
    ASSERT_TRUE(stage(i, 2).has_value());
    expect_all(zones / 2, 1);
  }
  expect_counts();
  ASSERT_TRUE(memory_.show_staged().has_value());
  expect_all(zones, 2);
  expect_counts();
  reclaim();
  expect_all(zones, 2);
}

TEST_F(MemoryStageTest, WhatIsDroppedLeavesNothing) {
  for (uint32_t i = 0; i < zones / 2; ++i) publish(i, 1);
  reclaim();
  const MemoryUse before = memory_.use();
  for (uint32_t round = 0; round < 30; ++round) {
    for (uint32_t i = 0; i < zones; ++i) ASSERT_TRUE(stage(i, 2 + round).has_value());
    memory_.drop_staged();
    expect_all(zones / 2, 1);
    reclaim();
  }
  expect_counts();
  EXPECT_EQ(memory_.use().nodes, before.nodes);
  EXPECT_LE(memory_.use().live_bytes, before.live_bytes + 100000);  // the tables may have grown
  for (uint32_t i = 0; i < zones / 2; ++i) ASSERT_TRUE(stage(i, 40).has_value());
  ASSERT_TRUE(memory_.show_staged().has_value());
  expect_all(zones / 2, 40);
}

TEST_F(MemoryStageTest, AZoneInWhichNothingDiffersStaysAsItIs) {
  for (uint32_t i = 0; i < 2; ++i) publish(i, 1);
  const uint32_t generation = memory_.find(sample_name(model(0).apex()))->generation();
  EXPECT_EQ(stage(0, 1)->generation, generation);
  EXPECT_EQ(stage(1, 2)->generation, generation + 1);
  ASSERT_TRUE(memory_.show_staged().has_value());
  EXPECT_EQ(memory_.find(sample_name(model(0).apex()))->generation(), generation);
  EXPECT_EQ(memory_.find(sample_name(model(1).apex()))->serial(), 2U);
}

TEST_F(MemoryStageTest, AReaderOnTheWayKeepsWhatItSees) {
  for (uint32_t i = 0; i < zones; ++i) publish(i, 1);
  reclaim();
  epochs_.enter(0);
  const auto seen = memory_.find(sample_name(model(7).apex()));
  for (uint32_t i = 0; i < zones; ++i) ASSERT_TRUE(stage(i, 2).has_value());
  ASSERT_TRUE(memory_.show_staged().has_value());
  for (uint32_t i = 0; i < zones; ++i) ASSERT_TRUE(stage(i, 3).has_value());
  memory_.drop_staged();
  memory_.reclaim();
  EXPECT_EQ(seen->serial(), 1U);
  EXPECT_EQ(model(7).trouble_with(memory_.reader(), *seen), "");
  epochs_.leave(0);
  reclaim();
  expect_all(zones, 2);
}

// A name that was removed in the version before comes back in one that is dropped.
TEST_F(MemoryStageTest, RemovedNamesSurviveADroppedReturn) {
  const ModelZone zone("zone0.example.", 30);
  for (uint32_t serial = 1; serial < 40; ++serial) {
    SampleZone version = zone.version(serial);
    ASSERT_TRUE(memory_.publish(version.finish(), nullptr).has_value());
    SampleZone next = zone.version(serial + 1);
    ASSERT_TRUE(memory_.stage(next.finish(), nullptr).has_value());
    memory_.drop_staged();
    const auto view = memory_.find(sample_name(zone.apex()));
    ASSERT_EQ(zone.trouble_with(memory_.reader(), *view), "");
  }
  reclaim();
  memory_.remove(sample_name(zone.apex()));
  reclaim();
  EXPECT_LT(memory_.use().live_bytes, 100000U);
}

TEST_F(MemoryStageTest, ADiskThatFillsInTheMiddleLeavesEverythingOld) {
  for (uint32_t i = 0; i < zones / 2; ++i) publish(i, 1);
  std::optional<FullDisk> full(std::in_place, memory_.use().file_bytes);
  std::string error;
  uint32_t staged = 0;
  for (uint32_t serial = 2; error.empty(); ++serial) {
    // The first rounds fit beside each other only until the file's free space is used up.
    for (uint32_t i = 0; i < zones && error.empty(); ++i) {
      const ModelZone grown(model(i).apex(), 500 * serial);
      SampleZone version = grown.version(serial);
      const auto done = memory_.stage(version.finish(), nullptr);
      if (done) ++staged;
      if (!done) error = done.error().message;
    }
    memory_.drop_staged();
    memory_.reclaim();
  }
  full.reset();
  EXPECT_GT(staged, 0U);
  EXPECT_THAT(error, HasSubstr("cannot grow from"));
  expect_all(zones / 2, 1);
  expect_counts();
  for (uint32_t i = 0; i < zones; ++i) ASSERT_TRUE(stage(i, 2).has_value());
  ASSERT_TRUE(memory_.show_staged().has_value());
  expect_all(zones, 2);
}

// The zone table grows by steps, not with each new zone: what it left would pile up until the end.
TEST_F(MemoryStageTest, VeryManyNewZonesLeaveFewTablesBehind) {
  constexpr uint32_t many = 20'000;
  for (uint32_t i = 0; i < many; ++i) {
    SampleZone zone("n" + std::to_string(i) + ".example.");
    zone.soa(1);
    ASSERT_TRUE(memory_.stage(zone.finish(), nullptr).has_value());
  }
  EXPECT_LT(memory_.use().retired_bytes, 4U << 20);
  ASSERT_TRUE(memory_.show_staged().has_value());
  EXPECT_EQ(memory_.use().zones, many);
  expect_counts();
}

// What the next writer finds if this one ends with zones staged: the versions before.
TEST_F(MemoryStageTest, WhatWasStagedIsTakenBackByTheNextWriter) {
  for (uint32_t i = 0; i < zones / 2; ++i) publish(i, 1);
  for (uint32_t i = 0; i < zones; ++i) ASSERT_TRUE(stage(i, 2).has_value());
  {
    const Memory gone = std::move(memory_);
  }
  memory_ = std::move(*Memory::open(sample_options(folder_.file()), epochs_));
  ASSERT_EQ(memory_.origin(), Memory::Origin::kept_after_crash) << memory_.discard_reason();
  expect_all(zones / 2, 1);
  expect_counts();
}

// The time of a change is that of its names, however large the zone is that a load has left.
TEST_F(MemoryStageTest, ASmallChangeAfterALoadRebuildsNoTable) {
  for (const uint32_t names : {20'000U, 33'333U, 50'000U}) {
    const std::string apex = "n" + std::to_string(names) + ".example.";
    SampleZone zone(apex);
    zone.soa(1);
    for (uint32_t i = 0; i < names; ++i) zone.a("n" + std::to_string(i) + "." + apex, i);
    ASSERT_TRUE(memory_.publish(zone.finish(), nullptr).has_value());
    const auto table = [&] { return layout::file_header(memory_.reader().base())->name_table; };
    const uint64_t before = table();
    for (uint32_t i = 0; i < names / 50; ++i) {
      ASSERT_TRUE(amend_address(memory_, apex, "new" + std::to_string(i) + "." + apex, i));
    }
    EXPECT_EQ(table(), before) << names;
  }
}

}  // namespace
}  // namespace holdfast::zone
