// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/death_recorder.h"

#include <gtest/gtest.h>

#include "wire/test_packet.h"

namespace holdfast::shield {
namespace {

constexpr uint64_t second = 1'000'000'000;

Likeness likeness_of_name(const std::string& qname, unsigned qtype = 1) {
  wire::TestPacket packet(7, 0, {1, 0, 0, 0});
  packet.question(qname, qtype);
  return likeness_of(packet.bytes(), {});
}

TEST(DeathRecorder, ASecondDeathOnTheSameQuestionRefusesIt) {
  DeathRecorder recorder;
  const Likeness likeness = likeness_of_name("a.example.");
  EXPECT_FALSE(recorder.record(likeness, 10 * second));
  const auto refusal = recorder.record(likeness, 20 * second);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->mark.level, LikenessLevel::question);
  EXPECT_EQ(refusal->mark.hash, likeness.marks[0].hash);
  EXPECT_EQ(refusal->until_ns, 320 * second);
  EXPECT_EQ(recorder.deaths(), 2U);
  EXPECT_EQ(recorder.refusals(), 1U);
}

TEST(DeathRecorder, DeathsFarApartAreNotAlike) {
  DeathRecorder recorder;
  const Likeness likeness = likeness_of_name("a.example.");
  EXPECT_FALSE(recorder.record(likeness, 0));
  EXPECT_FALSE(recorder.record(likeness, 601 * second));
  EXPECT_TRUE(recorder.record(likeness, 602 * second));
}

TEST(DeathRecorder, BroaderLevelsTakeMoreDeaths) {
  DeathRecorder parent;
  EXPECT_FALSE(parent.record(likeness_of_name("a.example."), second));
  EXPECT_FALSE(parent.record(likeness_of_name("b.example."), second));
  auto refusal = parent.record(likeness_of_name("c.example."), second);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->mark.level, LikenessLevel::parent);

  DeathRecorder form;
  for (const char* name : {"a.one.", "a.two.", "a.three.", "a.four."}) {
    EXPECT_FALSE(form.record(likeness_of_name(name), second));
  }
  refusal = form.record(likeness_of_name("a.five."), second);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->mark.level, LikenessLevel::form);
}

TEST(DeathRecorder, UnlikeDeathsRefuseNothing) {
  DeathRecorder recorder;
  for (unsigned qtype = 1; qtype < 1000; ++qtype) {
    EXPECT_FALSE(recorder.record(likeness_of_name("a.example.", qtype), qtype));
  }
}

TEST(DeathRecorder, PacketsWithoutAQuestionAreRefusedByHeader) {
  DeathRecorder recorder;
  const auto likeness = [](unsigned byte) {
    return likeness_of(wire::TestPacket(1, 0, {9, 9, 9, 9}).u8(byte).bytes(), {});
  };
  EXPECT_FALSE(recorder.record(likeness(1), second));
  const auto refusal = recorder.record(likeness(2), second);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->mark.level, LikenessLevel::header);
}

TEST(DeathRecorder, EachRenewalTakesOneDeathAndLastsTwiceAsLong) {
  DeathRecorder recorder;
  const Likeness likeness = likeness_of_name("a.example.");
  EXPECT_FALSE(recorder.record(likeness, 0));
  uint64_t now = second;
  uint64_t expected = 300 * second;
  for (int i = 0; i < 8; ++i) {
    const auto refusal = recorder.record(likeness, now);
    ASSERT_TRUE(refusal) << i;
    EXPECT_EQ(refusal->until_ns - now, expected) << i;
    now = refusal->until_ns + second;
    expected = std::min(expected * 2, 3600 * second);
  }
}

TEST(DeathRecorder, ADeathWhileRefusedDoesNotProlong) {
  DeathRecorder recorder;
  const Likeness likeness = likeness_of_name("a.example.");
  EXPECT_FALSE(recorder.record(likeness, 0));
  const auto first = recorder.record(likeness, second);
  const auto late = recorder.record(likeness, 2 * second);
  ASSERT_TRUE(first && late);
  EXPECT_EQ(late->until_ns, first->until_ns);
  EXPECT_EQ(recorder.refusals(), 1U);
}

TEST(DeathRecorder, ForgetsADayAfterTheEnd) {
  DeathRecorder recorder;
  const Likeness likeness = likeness_of_name("a.example.");
  EXPECT_FALSE(recorder.record(likeness, 0));
  const auto refusal = recorder.record(likeness, second);
  ASSERT_TRUE(refusal);
  EXPECT_FALSE(recorder.record(likeness, refusal->until_ns + 86400 * second));
}

TEST(DeathRecorder, RemembersABoundedNumberOfDeaths) {
  DeathRecorder recorder;
  const Likeness likeness = likeness_of_name("a.example.");
  EXPECT_FALSE(recorder.record(likeness, second));
  for (unsigned i = 0; i < DeathRecorder::deaths_max; ++i) {
    EXPECT_FALSE(recorder.record(likeness_of_name("b.example.", 1000 + i), second));
  }
  EXPECT_FALSE(recorder.record(likeness, second));  // the first is forgotten
  EXPECT_TRUE(recorder.record(likeness, second));
}

TEST(DeathRecorder, WhenManyAreConvictedTheOldestIsForgotten) {
  DeathRecorder recorder;
  const auto kill_twice = [&](unsigned qtype, uint64_t now_ns) {
    (void)recorder.record(likeness_of_name("a.example.", qtype), now_ns);
    return recorder.record(likeness_of_name("a.example.", qtype), now_ns).has_value();
  };
  for (unsigned i = 0; i <= DeathRecorder::convictions_max; ++i) {
    EXPECT_TRUE(kill_twice(1000 + i, i * second));
  }
  const uint64_t later = 5000 * second;
  EXPECT_FALSE(recorder.record(likeness_of_name("a.example.", 1000), later));  // forgotten
  EXPECT_TRUE(recorder.record(likeness_of_name("a.example.", 1002), later));
}

}  // namespace
}  // namespace holdfast::shield
