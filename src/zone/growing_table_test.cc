// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/growing_table.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "zone/memory_file.h"

namespace holdfast::zone {
namespace {

using Step = GrowingTable::Step;

class GrowingTableTest : public testing::Test {
 protected:
  // In a buffer of their own, from reference 4 on; what lies there before is no table.
  TableRoot make(uint32_t buckets) {
    const TableRoot root{.table = next_, .buckets = buckets};
    next_ += layout::units_of(root.bytes());
    CHECK(next_ * layout::unit_bytes <= memory_.size() * sizeof(Bucket));
    std::memset(layout::at<uint8_t>(base(), root.table), 0xA5, root.bytes());
    return root;
  }
  GrowingTable make_empty(uint32_t buckets) {
    GrowingTable table(base(), TableRoot{});
    table.begin(make(buckets));
    CHECK(*table.finish());
    CHECK(table.take_over().table == 0);
    return table;
  }
  [[nodiscard]] uint8_t* base() {
    return static_cast<uint8_t*>(static_cast<void*>(memory_.data()));
  }

  // One change like those of zone memory, of what `model` says is there: a reference to its tag.
  void change(GrowingTable& table, std::map<layout::Ref, uint32_t>& model, size_t names_max) {
    const auto kind = random_() % 4;
    auto any = model.lower_bound(static_cast<layout::Ref>(1 + random_() % (next_ref_ + 1)));
    if (any == model.end()) any = model.begin();
    if (model.empty() || (kind <= 1 && model.size() < names_max)) {
      const auto tag = static_cast<uint32_t>(random_());
      ASSERT_TRUE(table.insert(tag, ++next_ref_));
      model[next_ref_] = tag;
    } else if (kind <= 2) {
      const uint32_t tag = any->second;
      table.replace(tag, any->first, ++next_ref_);
      model.erase(any);
      model[next_ref_] = tag;
    } else {
      ASSERT_TRUE(table.erase(any->second, any->first));
      ASSERT_FALSE(table.erase(any->second, any->first));
      model.erase(any);
    }
  }
  void expect_just(const GrowingTable& table, const std::map<layout::Ref, uint32_t>& model) {
    std::map<layout::Ref, uint32_t> held;
    table.now().for_each([&](uint32_t tag, layout::Ref ref) {
      EXPECT_TRUE(held.emplace(ref, tag).second) << ref << " is there twice";
    });
    EXPECT_EQ(held, model);
    for (const auto& [ref, tag] : model) {
      EXPECT_EQ(find_in_table(base(), table.root(), tag,
                              [&](layout::Ref candidate) { return candidate == ref; }),
                ref);
    }
    SlotTable counted(base(), table.root());
    counted.count();
    EXPECT_EQ(counted.used(), table.now().used());
    EXPECT_EQ(counted.graves(), table.now().graves());
  }

  std::vector<Bucket> memory_{size_t{1} << 14};
  layout::Ref next_ = 4;
  layout::Ref next_ref_ = 0;
  std::mt19937 random_{7};
};

TEST_F(GrowingTableTest, WhatChangesMeanwhileIsInTheLargerOne) {
  for (int round = 0; round < 40; ++round) {
    next_ = 4;
    std::map<layout::Ref, uint32_t> model;
    const size_t names = 200 + random_() % 400;
    GrowingTable table = make_empty(SlotTable::buckets_for(names));
    while (model.size() < names * 9 / 10) change(table, model, names);
    const TableRoot larger = make(SlotTable::buckets_for(names + names / 4));
    table.begin(larger);
    Step done = Step::unfinished;
    while (done == Step::unfinished) {
      for (auto changes = random_() % 12; changes > 0; --changes) change(table, model, names);
      done = *table.step(64 + random_() % 512);
    }
    ASSERT_EQ(done, Step::finished);
    for (int changes = 0; changes < 30; ++changes) change(table, model, names);
    const TableRoot before = table.root();
    const uint64_t used_before = table.now().used() - table.now().graves();
    EXPECT_EQ(table.take_over().to_word(), before.to_word());
    EXPECT_EQ(table.root().to_word(), larger.to_word());
    EXPECT_FALSE(table.is_growing());
    EXPECT_EQ(table.now().used() - table.now().graves(), used_before);
    expect_just(table, model);
    for (int changes = 0; changes < 100; ++changes) change(table, model, names);
    expect_just(table, model);
    if (HasFailure()) FAIL() << "round " << round;
  }
}

TEST_F(GrowingTableTest, TheLargerOneMayBeGivenUpAtAnyStep) {
  std::map<layout::Ref, uint32_t> model;
  GrowingTable table = make_empty(SlotTable::buckets_for(400));
  while (model.size() < 300) change(table, model, 400);
  const TableRoot before = table.root();
  const TableRoot larger = make(SlotTable::buckets_for(500));
  for (int steps = 0;; ++steps) {
    table.begin(larger);
    Step done = Step::unfinished;
    for (int step = 0; step < steps && done == Step::unfinished; ++step) {
      change(table, model, 400);
      done = *table.step(1024);
    }
    change(table, model, 400);
    EXPECT_EQ(table.give_up().to_word(), larger.to_word());
    EXPECT_EQ(table.root().to_word(), before.to_word());
    expect_just(table, model);
    if (done == Step::finished) break;
    ASSERT_LT(steps, 1000);
  }
}

TEST_F(GrowingTableTest, SaysThatTheLargerOneDoesNotHoldThem) {
  constexpr uint32_t tag = 0x80000000;
  constexpr layout::Ref most = probe_buckets_max * bucket_slots;
  GrowingTable table = make_empty(8);
  for (layout::Ref ref = 1; ref <= most; ++ref) ASSERT_TRUE(table.insert(tag, ref));
  ASSERT_TRUE(table.insert(0, most + 1));
  // These have a bucket of their own in the one in service, and that of the others in this one.
  const TableRoot small = make(1);
  table.begin(small);
  EXPECT_FALSE(*table.finish());
  EXPECT_EQ(*table.step(1), Step::failed);
  table.replace(tag, 1, most + 2);
  ASSERT_TRUE(table.erase(tag, 2));
  EXPECT_EQ(table.too_few_buckets(), 0U);
  table.give_up();
  EXPECT_EQ(table.too_few_buckets(), 1U);
  EXPECT_EQ(table.now().used() - table.now().graves(), most);
}

// When all is copied already, a name that has no place is met as it comes.
TEST_F(GrowingTableTest, SaysThatOneThatCameMeanwhileHasNoPlace) {
  constexpr layout::Ref most = probe_buckets_max * bucket_slots;
  GrowingTable table = make_empty(8);
  for (layout::Ref ref = 1; ref <= most; ++ref) {
    ASSERT_TRUE(table.insert(ref % 2 == 0 ? 0 : 0x80000000, ref));
  }
  table.begin(make(1));
  ASSERT_TRUE(*table.finish());
  ASSERT_TRUE(table.insert(0x80000000, most + 1));
  EXPECT_EQ(*table.step(1), Step::failed);
  ASSERT_TRUE(table.erase(0x80000000, most + 1));
  table.give_up();
  table.begin(make(16));
  ASSERT_TRUE(*table.finish());
  table.take_over();
  EXPECT_EQ(table.too_few_buckets(), 0U) << "of the one before";
}

// Blocks that were reserved, and then there is none: what a write to such a page does is a signal.
TEST_F(GrowingTableTest, SaysThatThereAreNoPagesForTheLargerOne) {
  std::map<layout::Ref, uint32_t> model;
  constexpr uint64_t file_bytes = uint64_t{64} << 10;
  const UniqueFd file(::memfd_create("table", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(file.get(), file_bytes), 0);
  void* address =
      ::mmap(nullptr, 2 * file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  ASSERT_NE(address, MAP_FAILED);
  const Mapping mapping(static_cast<uint8_t*>(address), 2 * file_bytes);
  GrowingTable table(mapping.base(), TableRoot{});
  table.begin({.table = 4, .buckets = SlotTable::buckets_for(400)});
  ASSERT_TRUE(*table.finish());
  table.take_over();
  while (model.size() < 300) change(table, model, 400);
  const TableRoot before = table.root();
  // Half of it lies beyond the end of the file.
  const uint32_t buckets = 256;
  table.begin({.table = static_cast<layout::Ref>((file_bytes - 8192) / layout::unit_bytes),
               .buckets = buckets});
  auto done = table.step(4096);
  ASSERT_TRUE(done.has_value()) << done.error().message;
  while (done.has_value() && *done == Step::unfinished) done = table.step(4096);
  ASSERT_FALSE(done.has_value());
  EXPECT_NE(done.error().message.find("cannot make pages"), std::string::npos);
  change(table, model, 400);
  EXPECT_EQ(table.give_up().buckets, buckets);
  EXPECT_EQ(table.root().to_word(), before.to_word());
  EXPECT_EQ(table.too_few_buckets(), 0U) << "it was not for its size";
  size_t held = 0;
  table.now().for_each([&](uint32_t tag, layout::Ref ref) {
    if (model.at(ref) == tag) ++held;
  });
  EXPECT_EQ(held, model.size());
}

}  // namespace
}  // namespace holdfast::zone
