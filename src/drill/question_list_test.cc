// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/question_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drill/generator_layout.h"
#include "wire/test_packet.h"

namespace holdfast::drill {
namespace {

using wire::TestPacket;

TEST(QuestionList, EncodesEachLineAsWhatFollowsAHeader) {
  const auto list =
      QuestionList::parse("www.example.com A\n\n  Example.com.\tAAAA \r\n", {}, "here");
  ASSERT_TRUE(list.has_value()) << list.error().message;
  ASSERT_EQ(list->size(), 2U);
  EXPECT_THAT(list->at(0),
              testing::ElementsAreArray(TestPacket().question("www.example.com", 1).bytes()));
  EXPECT_THAT(list->at(1),
              testing::ElementsAreArray(TestPacket().question("Example.com", 28).bytes()));
  EXPECT_EQ(list->longest_bytes(), 21U);
  EXPECT_FALSE(list->has_opt());
  EXPECT_FALSE(list->has_random_label());
}

TEST(QuestionList, AddsOptWithDnssecOk) {
  const auto list = QuestionList::parse(". NS\n", {1232, true}, "here");
  ASSERT_TRUE(list.has_value());
  EXPECT_TRUE(list->has_opt());
  EXPECT_THAT(list->at(0), testing::ElementsAreArray(
                               TestPacket().question(".", 2).opt({}, 1232, 0x8000).bytes()));
}

TEST(QuestionList, NamesTheLineThatIsWrong) {
  for (const auto* line : {"www.example.com", "www.example.com BOGUS", "a..b A", "a.b A IN"}) {
    const auto list = QuestionList::parse("a.b A\n" + std::string(line) + "\n", {}, "here");
    ASSERT_FALSE(list.has_value()) << line;
    EXPECT_THAT(list.error().message, testing::StartsWith("here:2: "));
  }
  EXPECT_FALSE(QuestionList::parse("\n", {}, "here").has_value());
  EXPECT_FALSE(QuestionList::parse("a.b A\n", {0, true}, "here").has_value());
}

TEST(QuestionList, LeavesARandomLabelToTheGenerator) {
  const auto list = QuestionList::random_under("example.com", 1, {});
  ASSERT_TRUE(list.has_value());
  ASSERT_EQ(list->size(), 1U);
  EXPECT_TRUE(list->has_random_label());
  TestPacket expected;
  expected.u8(random_label_bytes).raw({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  expected.question("example.com", 1);
  EXPECT_THAT(list->at(0), testing::ElementsAreArray(expected.bytes()));
  EXPECT_TRUE(QuestionList::random_under(".", 1, {}).has_value());
  EXPECT_FALSE(QuestionList::random_under("a..b", 1, {}).has_value());
}

TEST(QuestionList, HoldsTheLongestNameWithOpt) {
  const std::string label(63, 'a');
  const std::string name = label + "." + label + "." + label + "." + std::string(61, 'a');
  const auto list = QuestionList::parse(name + " A\n", {1232, true}, "here");
  ASSERT_TRUE(list.has_value()) << list.error().message;
  EXPECT_EQ(list->longest_bytes(), 255U + 4 + 11);
}

}  // namespace
}  // namespace holdfast::drill
