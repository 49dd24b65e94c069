// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/slot_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "base/check.h"

namespace holdfast::zone {
namespace {

// Tables in a buffer of their own, from reference 4 on.
class SlotTableTest : public testing::Test {
 protected:
  SlotTable make(uint32_t buckets) {
    const TableRoot root{.table = next_, .buckets = buckets};
    CHECK((next_ + layout::units_of(root.bytes())) * layout::unit_bytes <= sizeof(Bucket) * size);
    next_ += layout::units_of(root.bytes());
    return {base(), root};
  }
  [[nodiscard]] uint8_t* base() {
    return static_cast<uint8_t*>(static_cast<void*>(memory_.data()));
  }
  layout::Ref find(const SlotTable& table, uint32_t tag, layout::Ref ref) {
    return find_in_table(base(), table.root(), tag,
                         [&](layout::Ref candidate) { return candidate == ref; });
  }

  static constexpr size_t size = 4096;
  std::vector<Bucket> memory_{size};
  layout::Ref next_ = 4;
};

TEST_F(SlotTableTest, HoldsAsManyOfOneTagAsTheProbesReach) {
  SlotTable table = make(8);
  constexpr uint32_t tag = 0xFFFFFFFF;  // of the last bucket that tags choose
  constexpr size_t most = probe_buckets_max * bucket_slots;
  for (layout::Ref ref = 1; ref <= most; ++ref) EXPECT_TRUE(table.insert(tag, ref));
  EXPECT_FALSE(table.insert(tag, most + 1));
  for (layout::Ref ref = 1; ref <= most; ++ref) EXPECT_EQ(find(table, tag, ref), ref);
  EXPECT_EQ(find(table, tag, most + 1), 0U);
  EXPECT_EQ(table.used(), most);
}

TEST_F(SlotTableTest, ChainsStayWholeOverGraves) {
  SlotTable table = make(8);
  constexpr uint32_t tag = 0x10000000;
  for (layout::Ref ref = 1; ref <= 20; ++ref) ASSERT_TRUE(table.insert(tag, ref));
  for (layout::Ref ref = 1; ref <= 12; ++ref) ASSERT_TRUE(table.erase(tag, ref));
  EXPECT_FALSE(table.erase(tag, 1));
  EXPECT_EQ(table.graves(), 12U);  // both full buckets must still be passed
  for (layout::Ref ref = 13; ref <= 20; ++ref) EXPECT_EQ(find(table, tag, ref), ref);
  ASSERT_TRUE(table.erase(tag, 20));  // in a bucket with room, so nothing is left behind
  EXPECT_EQ(table.graves(), 12U);
  EXPECT_EQ(table.used(), 19U);
  ASSERT_TRUE(table.insert(tag, 30));
  EXPECT_EQ(table.graves(), 11U);
  EXPECT_EQ(find(table, tag, 30), 30U);
  table.replace(tag, 30, 31);
  EXPECT_EQ(find(table, tag, 30), 0U);
  EXPECT_EQ(find(table, tag, 31), 31U);
}

TEST_F(SlotTableTest, GrowsWithoutLosingAny) {
  SlotTable table = make(SlotTable::buckets_for(600));
  std::mt19937 random(1);
  std::map<layout::Ref, uint32_t> all;
  for (layout::Ref ref = 1; ref <= 600; ++ref) {
    all[ref] = static_cast<uint32_t>(random());
    ASSERT_TRUE(table.insert(all[ref], ref));
  }
  for (layout::Ref ref = 1; ref <= 600; ref += 3) {
    ASSERT_TRUE(table.erase(all[ref], ref));
    all.erase(ref);
  }
  SlotTable grown = make(SlotTable::buckets_for(700));
  ASSERT_TRUE(grown.fill_from(table, 0, 10));
  ASSERT_TRUE(grown.fill_from(table, 10, table.root().all_buckets()));
  EXPECT_EQ(grown.used(), all.size());
  EXPECT_EQ(grown.graves(), 0U);
  for (const auto& [ref, tag] : all) EXPECT_EQ(find(grown, tag, ref), ref);
  SlotTable counted(base(), grown.root());
  counted.count();
  EXPECT_EQ(counted.used(), all.size());
  SlotTable small = make(1);
  EXPECT_FALSE(small.fill_from(grown, 0, grown.root().all_buckets()));
}

TEST_F(SlotTableTest, UpdatesEach) {
  SlotTable table = make(8);
  for (layout::Ref ref = 1; ref <= 9; ++ref) ASSERT_TRUE(table.insert(0x80000000, ref));
  table.update_each([](uint32_t, layout::Ref ref) {
    if (ref % 3 == 0) return layout::Ref{0};
    return ref % 3 == 1 ? ref : ref + 100;
  });
  EXPECT_EQ(find(table, 0x80000000, 1), 1U);
  EXPECT_EQ(find(table, 0x80000000, 2), 0U);
  EXPECT_EQ(find(table, 0x80000000, 102), 102U);
  EXPECT_EQ(find(table, 0x80000000, 3), 0U);
}

TEST_F(SlotTableTest, FirstBucketSettlesUnlessItIsFull) {
  SlotTable table = make(8);
  constexpr uint32_t tag = 0x10000000;
  constexpr uint32_t other = 0x10000001;  // of the same bucket
  const auto look = [&](uint32_t wanted) {
    return look_in_first_bucket(base(), table.root(), wanted);
  };
  for (layout::Ref ref = 1; ref <= bucket_slots; ++ref) {
    EXPECT_TRUE(look(other).is_settled) << ref;
    EXPECT_EQ(look(other).ref, 0U) << ref;
    ASSERT_TRUE(table.insert(tag, ref));
    EXPECT_EQ(look(tag).ref, 1U);
  }
  EXPECT_FALSE(look(other).is_settled) << "the next bucket may hold it";
  ASSERT_TRUE(table.insert(other, 30));
  EXPECT_EQ(look(other).ref, 0U);
  EXPECT_FALSE(look(other).is_settled);
  ASSERT_TRUE(table.erase(tag, 1));
  EXPECT_EQ(table.graves(), 1U);
  EXPECT_FALSE(look(other).is_settled) << "a grave is no end";
  EXPECT_EQ(look(tag).ref, 2U);
  EXPECT_EQ(look_in_first_bucket(base(), TableRoot{}, tag).ref, 0U);
  EXPECT_TRUE(look_in_first_bucket(base(), TableRoot{}, tag).is_settled);
}

TEST_F(SlotTableTest, NoTableHoldsNothing) {
  SlotTable none(base(), TableRoot{});
  EXPECT_FALSE(none.insert(1, 1));
  EXPECT_FALSE(none.erase(1, 1));
  EXPECT_EQ(find(none, 1, 1), 0U);
  none.update_each([](uint32_t, layout::Ref ref) {
    ADD_FAILURE() << ref;
    return ref;
  });
}

}  // namespace
}  // namespace holdfast::zone
