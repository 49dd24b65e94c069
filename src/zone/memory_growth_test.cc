// SPDX-License-Identifier: GPL-3.0-or-later
// Tables that grow ahead of need, between changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <random>

#include "base/test_full_disk.h"
#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

using testing::HasSubstr;

constexpr const char* apex = "grows.example.";

std::string owner_of(uint32_t number) { return "n" + std::to_string(number) + "." + apex; }

class MemoryGrowthTest : public testing::Test {
 protected:
  [[nodiscard]] Memory open(const GrowthAhead& ahead) {
    MemoryOptions options = sample_options(folder_.file());
    options.growth_ahead = ahead;
    auto memory = Memory::open(options, epochs_);
    CHECK(memory.has_value());
    return std::move(*memory);
  }
  // In steps of a size that a table of a thousand names needs some of.
  [[nodiscard]] Memory open() {
    return open({.slots_min = 500, .step_bytes = 4096, .disk_reserve_bytes = 0});
  }
  static void load(Memory& memory, uint32_t names) {
    SampleZone zone(apex);
    zone.soa(1);
    for (uint32_t i = 0; i < names; ++i) zone.a(owner_of(i), i);
    ASSERT_TRUE(memory.publish(zone.finish(), nullptr).has_value());
  }
  static void add(Memory& memory, uint32_t number) {
    const auto added = amend_address(memory, apex, owner_of(number), number);
    ASSERT_TRUE(added.has_value()) << added.error().message;
  }
  static uint64_t table_of(const Memory& memory) {
    return layout::file_header(memory.reader().base())->name_table;
  }
  static void expect_names(const Memory& memory, uint32_t names) {
    for (uint32_t i = 0; i < names; ++i) ASSERT_EQ(address_of(memory, apex, owner_of(i)), i);
    ASSERT_EQ(memory.find(sample_name(apex))->node_count(), names + 1);
  }
  // Adds names from `next` on, until the next one would make a larger table worth it.
  static void fill(Memory& memory, uint32_t& next) {
    while (true) {
      const auto has_more = memory.grow_ahead();
      ASSERT_TRUE(has_more.has_value()) << has_more.error().message;
      if (*has_more) return;
      add(memory, next++);
    }
  }

  SampleFolder folder_;
  EpochBoard epochs_;
};

TEST_F(MemoryGrowthTest, NoChangeWaitsForALargerTable) {
  Memory memory = open();
  load(memory, 1000);
  uint32_t next = 1000;
  while (next < 5000) {
    const uint64_t before = table_of(memory);
    add(memory, next++);
    ASSERT_EQ(table_of(memory), before) << next;
    ASSERT_TRUE(memory.grow_ahead().has_value());
  }
  EXPECT_GE(memory.use().tables_grown_ahead, 6U);
  expect_names(memory, next);
  memory.reclaim();
  EXPECT_EQ(memory.use().retired_bytes, 0U) << "the tables before are free again";
}

TEST_F(MemoryGrowthTest, ALoadAloneDoesNotMakeItGrow) {
  Memory memory = open();
  for (const uint32_t names : {1000U, 1700U, 3333U, 8000U}) {
    load(memory, names);
    const auto has_more = memory.grow_ahead();
    ASSERT_TRUE(has_more.has_value());
    EXPECT_FALSE(*has_more) << names;
  }
}

TEST_F(MemoryGrowthTest, ATinyTableIsLeftAlone) {
  const GrowthAhead ahead;
  Memory memory = open(ahead);
  uint32_t next = 20'000;
  load(memory, next);
  while (next < 21'500) {
    add(memory, next++);
    const auto has_more = memory.grow_ahead();
    ASSERT_TRUE(has_more.has_value());
    ASSERT_FALSE(*has_more);
  }
  EXPECT_EQ(memory.use().tables_grown_ahead, 0U);
  next = static_cast<uint32_t>(ahead.slots_min);
  load(memory, next);
  fill(memory, next);
  EXPECT_LT(next, ahead.slots_min * 102 / 100);
}

TEST_F(MemoryGrowthTest, ALargeChangeTakesWhatIsBeingPreparedIfThatIsEnough) {
  for (const uint32_t more : {200U, 3000U}) {
    Memory memory = open();
    uint32_t next = 1000;
    load(memory, next);
    fill(memory, next);
    ASSERT_TRUE(memory.grow_ahead().has_value());
    const uint64_t before = table_of(memory);
    const uint64_t live_bytes = memory.use().live_bytes;
    load(memory, next + more);
    EXPECT_NE(table_of(memory), before);
    EXPECT_EQ(memory.use().tables_grown_ahead, 0U);
    expect_names(memory, next + more);
    memory.reclaim();
    const auto has_more = memory.grow_ahead();
    ASSERT_TRUE(has_more.has_value());
    EXPECT_FALSE(*has_more) << "nothing is left half done";
    EXPECT_LT(memory.use().live_bytes, live_bytes + more * 96);
    std::filesystem::remove(folder_.file());
  }
}

TEST_F(MemoryGrowthTest, WaitsUntilWhatIsStagedIsShown) {
  Memory memory = open();
  uint32_t next = 1000;
  load(memory, next);
  fill(memory, next);
  SampleZone other("other.example.");
  other.soa(1);
  ASSERT_TRUE(memory.stage(other.finish(), nullptr).has_value());
  const uint64_t before = table_of(memory);
  for (int i = 0; i < 100; ++i) {
    const auto has_more = memory.grow_ahead();
    ASSERT_TRUE(has_more.has_value());
    ASSERT_FALSE(*has_more);
  }
  EXPECT_EQ(table_of(memory), before);
  ASSERT_TRUE(memory.show_staged().has_value());
  for (bool has_more = true; has_more;) has_more = *memory.grow_ahead();
  EXPECT_NE(table_of(memory), before);
  expect_names(memory, next);
}

TEST_F(MemoryGrowthTest, TheTableOfZonesGrowsLikewise) {
  Memory memory = open();
  const auto table = [&] { return layout::file_header(memory.reader().base())->zone_table; };
  const auto apex_of = [](int number) { return "z" + std::to_string(number) + ".example."; };
  uint64_t within = 0;
  constexpr int zones = 1500;
  for (int i = 0; i < zones; ++i) {
    const uint64_t before = table();
    ASSERT_TRUE(memory.publish_unavailable(sample_name(apex_of(i))).has_value());
    if (i >= 1000 && table() != before) ++within;
    for (bool has_more = true; has_more;) has_more = *memory.grow_ahead();
  }
  EXPECT_EQ(within, 0U);
  EXPECT_GT(memory.use().tables_grown_ahead, 1U);
  for (int i = 0; i < zones; ++i) ASSERT_TRUE(memory.find(sample_name(apex_of(i))).has_value());
}

// Takes the space in the file but for less than a table of 5,000 names needs, with few names.
void use_up(Memory& memory) {
  constexpr uint64_t left_bytes = 40'000;
  constexpr uint64_t blob_bytes_max = 60'000;
  SampleZone zone("blobs.example.");
  zone.soa(1);
  ASSERT_TRUE(memory.publish(zone.finish(), nullptr).has_value());
  for (int i = 0; memory.use().free_bytes > left_bytes; ++i) {
    const wire::Name owner = sample_name("b" + std::to_string(i) + ".blobs.example.");
    const std::vector<uint8_t> rdata(
        std::min(blob_bytes_max, memory.use().free_bytes - left_bytes / 2), 0);
    StagedNode node;
    node.owner = owner;
    StagedRrset& rrset = node.rrsets.emplace_back();
    rrset.type = wire::type_null;
    rrset.ttl = 300;
    rrset.rdata.emplace_back(rdata);
    ASSERT_TRUE(memory.amend(sample_name("blobs.example."), {&node, 1}, nullptr).has_value());
    memory.reclaim();
  }
}

TEST_F(MemoryGrowthTest, WithoutRoomBesidesTheReserveNothingIsBegun) {
  Memory memory = open({.slots_min = 500, .disk_reserve_bytes = uint64_t{1} << 60});
  uint32_t next = 5000;
  load(memory, next);
  use_up(memory);
  const uint64_t before = table_of(memory);
  const MemoryUse use = memory.use();
  auto refused = memory.grow_ahead();
  while (refused) {
    ASSERT_FALSE(*refused);
    ASSERT_LT(next, 5100U);
    add(memory, next++);
    refused = memory.grow_ahead();
  }
  EXPECT_THAT(refused.error().message, HasSubstr(folder_.file()));
  EXPECT_THAT(refused.error().message, HasSubstr("would leave less than 1152921504606846976 of"));
  EXPECT_EQ(memory.use().file_bytes, use.file_bytes);
  EXPECT_EQ(table_of(memory), before);
  EXPECT_FALSE(memory.grow_ahead().has_value());
  // Whoever waits has the reserve.
  while (table_of(memory) == before) {
    ASSERT_LT(next, 5200U);
    add(memory, next++);
  }
  expect_names(memory, next);
}

TEST_F(MemoryGrowthTest, OnAFullDiskTheTableStaysUntilThereIsRoom) {
  Memory memory = open();
  uint32_t next = 5000;
  load(memory, next);
  use_up(memory);
  const uint64_t before = table_of(memory);
  const uint64_t file_bytes = memory.use().file_bytes;
  std::string postponed;
  std::string refused;
  {
    const FullDisk full(file_bytes);
    while (refused.empty() && next < 5500) {
      const auto has_more = memory.grow_ahead();
      if (!has_more) postponed = has_more.error().message;
      const auto added = amend_address(memory, apex, owner_of(next), next);
      if (added) {
        ++next;
      } else {
        refused = added.error().message;
      }
    }
  }
  EXPECT_THAT(postponed, HasSubstr(folder_.file() + ": cannot grow from"));
  EXPECT_THAT(refused, HasSubstr(folder_.file() + ": cannot grow from"));
  EXPECT_EQ(memory.use().file_bytes, file_bytes);
  EXPECT_EQ(table_of(memory), before);
  expect_names(memory, next);
  bool has_more = true;
  while (has_more) {
    const auto step = memory.grow_ahead();
    ASSERT_TRUE(step.has_value()) << step.error().message;
    has_more = *step;
  }
  EXPECT_NE(table_of(memory), before);
  add(memory, next++);
  expect_names(memory, next);
}

// The same changes to two memories of which only one grows ahead: both hold the same, at all times.
class RandomGrowth : public MemoryGrowthTest {
 protected:
  static constexpr uint32_t zones = 4;

  static std::string apex_of(uint32_t zone) { return "z" + std::to_string(zone) + ".example."; }
  static std::string owner_in(uint32_t zone, uint32_t number) {
    return "n" + std::to_string(number) + "." + apex_of(zone);
  }
  // What a question finds of every name that there ever was.
  [[nodiscard]] std::map<std::string, std::optional<uint32_t>> all_of(const Memory& memory) const {
    std::map<std::string, std::optional<uint32_t>> all;
    for (uint32_t zone = 0; zone < zones; ++zone) {
      for (uint32_t number = 0; number < names_; ++number) {
        const std::string owner = owner_in(zone, number);
        all[owner] = address_of(memory, apex_of(zone), owner);
      }
    }
    return all;
  }
  // A whole zone by some share of its names.
  [[nodiscard]] std::vector<uint32_t> some_names() {
    std::vector<uint32_t> numbers;
    const auto share = 1 + random_() % 8;
    for (uint32_t number = 0; number < names_; ++number) {
      if (random_() % 8 < share) numbers.push_back(number);
    }
    return numbers;
  }
  // Chooses a change and does it to both.
  void change(Memory& ahead, Memory& plain) {
    const auto zone = static_cast<uint32_t>(random_() % zones);
    const auto number = static_cast<uint32_t>(random_() % names_);
    const auto address = static_cast<uint32_t>(random_());
    const auto kind = random_() % 1000;
    std::vector<uint32_t> numbers;
    if (kind == 0 || !is_there_[zone]) numbers = some_names();
    const std::string owner = owner_in(zone, number);
    for (Memory* memory : {&ahead, &plain}) {
      if (kind == 1) {
        ASSERT_EQ(memory->remove(sample_name(apex_of(zone))), is_there_[zone]);
      } else if (!numbers.empty()) {
        SampleZone version(apex_of(zone));
        version.soa(1);
        for (const uint32_t each : numbers) version.a(owner_in(zone, each), address + each);
        ASSERT_TRUE(memory->publish(version.finish(), nullptr).has_value());
      } else if (is_there_[zone] && kind < 300 && address_of(*memory, apex_of(zone), owner)) {
        ASSERT_TRUE(amend_address(*memory, apex_of(zone), owner, std::nullopt).has_value());
      } else if (is_there_[zone]) {
        ASSERT_TRUE(amend_address(*memory, apex_of(zone), owner, address).has_value());
      }
      if (address % 3 == 0) memory->reclaim();
    }
    is_there_[zone] = kind != 1 && (is_there_[zone] || !numbers.empty());
  }

  std::mt19937 random_{11};
  uint32_t names_ = 300;  // that a zone may have
  std::array<bool, zones> is_there_{};
};

TEST_F(RandomGrowth, HoldsWhatThePlainWayHolds) {
  constexpr int changes = 6000;
  const SampleFolder other;
  EpochBoard other_epochs;
  uint64_t grown_ahead = 0;
  {
    Memory ahead = open({.slots_min = 200, .step_bytes = 2048, .disk_reserve_bytes = 0});
    Memory plain = std::move(*Memory::open(sample_options(other.file()), other_epochs));
    for (int i = 0; i < changes; ++i) {
      change(ahead, plain);
      for (auto steps = random_() % 6; steps > 0; --steps) {
        ASSERT_TRUE(ahead.grow_ahead().has_value());
      }
      if (i % 4 == 0) ++names_;
      if (i % 200 == 0) {
        ASSERT_EQ(all_of(ahead), all_of(plain)) << "change " << i;
      }
      if (HasFatalFailure()) return;
    }
    ASSERT_EQ(all_of(ahead), all_of(plain));
    EXPECT_EQ(ahead.use().nodes, plain.use().nodes);
    grown_ahead = ahead.use().tables_grown_ahead;
  }
  EXPECT_GE(grown_ahead, 3U);
  // A start compares every slot of the table with every name of the zones.
  const Memory again = open();
  EXPECT_EQ(again.origin(), Memory::Origin::kept_after_crash) << again.discard_reason();
}

}  // namespace
}  // namespace holdfast::zone
