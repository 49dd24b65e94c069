// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/likeness.h"

#include <gtest/gtest.h>

#include <set>

#include "wire/test_packet.h"

namespace holdfast::shield {
namespace {

using wire::TestPacket;

constexpr LikenessKey key{1, 2, 3};

TestPacket question(unsigned id, std::string_view qname, unsigned qtype = 1) {
  TestPacket packet(static_cast<uint16_t>(id), 0x0100, {1, 0, 0, 1});
  packet.question(qname, qtype).opt(TestPacket().option(10, TestPacket().u32(id).u32(id)));
  return packet;
}

// How many levels two packets have in common; those they have are always the broadest.
size_t common(const TestPacket& a, const TestPacket& b) {
  const Likeness first = likeness_of(a.bytes(), key);
  const Likeness second = likeness_of(b.bytes(), key);
  size_t count = 0;
  if (first.marks[0].level != second.marks[0].level) return 0;
  for (size_t i = 0; i < first.count; ++i) {
    const bool same = first.marks[i].hash == second.marks[i].hash;
    EXPECT_TRUE(same || count == 0) << "level " << i;
    count += same ? 1 : 0;
  }
  return count;
}

TEST(Likeness, IdCaseAndContentOfOptionsDoNotTellPacketsApart) {
  EXPECT_EQ(common(question(1, "www.example.com."), question(2, "WWW.Example.com.")), 3U);
}

TEST(Likeness, NamesTellByLevel) {
  EXPECT_EQ(common(question(1, "a.example.com."), question(1, "b.example.com.")), 2U);
  EXPECT_EQ(common(question(1, "a.example.com."), question(1, "a.example.org.")), 1U);
  EXPECT_EQ(common(question(1, "."), question(1, "com.")), 2U);
}

TEST(Likeness, TypeFlagsAndOptionsTellAlways) {
  const TestPacket packet = question(1, "a.example.com.");
  EXPECT_EQ(common(packet, question(1, "a.example.com.", 2)), 0U);
  TestPacket flags(1, 0x0120, {1, 0, 0, 1});
  flags.question("a.example.com.", 1).opt(TestPacket().option(10, TestPacket().u32(1).u32(1)));
  EXPECT_EQ(common(packet, flags), 0U);
  TestPacket option(1, 0x0100, {1, 0, 0, 1});
  option.question("a.example.com.", 1).opt(TestPacket().option(11, TestPacket().u32(1).u32(1)));
  EXPECT_EQ(common(packet, option), 0U);
  TestPacket version(1, 0x0100, {1, 0, 0, 1});
  version.question("a.example.com.", 1)
      .opt(TestPacket().option(10, TestPacket().u32(1).u32(1)), 1232, 1U << 16);
  EXPECT_EQ(common(packet, version), 0U);
}

TEST(Likeness, PacketsWithoutAQuestionAreKnownByBytesAndByHeader) {
  const TestPacket packet = TestPacket(1, 0, {0, 0, 0, 1}).raw({1, 2, 3, 4});
  const Likeness likeness = likeness_of(packet.bytes(), key);
  ASSERT_EQ(likeness.count, 2U);
  EXPECT_EQ(likeness.marks[0].level, LikenessLevel::bytes);
  EXPECT_EQ(likeness.marks[1].level, LikenessLevel::header);
  EXPECT_EQ(common(packet, TestPacket(9, 0, {0, 0, 0, 1}).raw({1, 2, 3, 4})), 2U);
  EXPECT_EQ(common(packet, TestPacket(1, 0, {0, 0, 0, 1}).raw({1, 2, 3, 5})), 1U);
  EXPECT_EQ(common(packet, TestPacket(1, 0, {0, 0, 1, 1}).raw({1, 2, 3, 4})), 0U);
}

TEST(Likeness, TakesPacketsOfAnySize) {
  const TestPacket packet = question(1, "a.example.com.");
  std::set<uint64_t> hashes;
  for (size_t size = 0; size <= packet.bytes().size(); ++size) {
    const Likeness likeness = likeness_of(packet.bytes().first(size), key);
    ASSERT_GE(likeness.count, 2U);
    for (size_t i = 0; i < likeness.count; ++i) EXPECT_NE(likeness.marks[i].hash, 0U);
    hashes.insert(likeness.marks[0].hash);
  }
  EXPECT_GT(hashes.size(), 20U);
}

TEST(Likeness, MoreOptionsThanItCountsDoNotMatter) {
  TestPacket few;
  for (int i = 0; i < 32; ++i) few.option(65001, {});
  TestPacket many = few;
  for (int i = 0; i < 100; ++i) many.option(65002, {});
  const auto with = [](const TestPacket& options) {
    return TestPacket(1, 0, {1, 0, 0, 1}).question("a.", 1).opt(options);
  };
  EXPECT_EQ(common(with(few), with(many)), 3U);
}

TEST(Likeness, DependsOnTheKey) {
  const TestPacket packet = question(1, "a.example.com.");
  const LikenessKey other{9};
  EXPECT_NE(likeness_of(packet.bytes(), key).marks[2].hash,
            likeness_of(packet.bytes(), other).marks[2].hash);
}

}  // namespace
}  // namespace holdfast::shield
