// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/attack_log.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace holdfast::control {
namespace {

using exchange::ShieldFate;

void add(ShieldReading& reading, size_t of, ShieldFate fate, uint64_t count) {
  reading.questions[of][static_cast<size_t>(fate)] += count;
}

TEST(AttackLog, TellsBeginChangeAndEndAndNothingElse) {
  AttackLog attacks;
  ShieldReading reading;
  EXPECT_FALSE(attacks.observe(reading, 100));
  reading.level = 1;
  reading.workers_overloaded = 2;
  add(reading, 3, ShieldFate::dropped, 250'000);
  add(reading, 1, ShieldFate::admitted, 1'000);
  const auto began = attacks.observe(reading, 101);
  ASSERT_TRUE(began);
  EXPECT_EQ(began->event, "overload-began");
  EXPECT_NE(began->message.find("251000 questions"), std::string::npos) << began->message;
  EXPECT_NE(began->message.find("unknown_slow"), std::string::npos) << began->message;
  EXPECT_EQ(attacks.began_s(), 101u);

  reading.zones_attacked = {"example.org."};
  for (uint64_t now = 102; now < 111; ++now) EXPECT_FALSE(attacks.observe(reading, now)) << now;
  const auto changed = attacks.observe(reading, 111);
  ASSERT_TRUE(changed);
  EXPECT_NE(changed->message.find("random names under example.org."), std::string::npos);
  reading.zones_with_many_names = {"example.net."};
  for (uint64_t now = 112; now < 121; ++now) EXPECT_FALSE(attacks.observe(reading, now)) << now;
  const auto again = attacks.observe(reading, 121);
  ASSERT_TRUE(again);
  EXPECT_NE(again->message.find("more different names than ever under example.net."),
            std::string::npos);
  for (uint64_t now = 122; now < 140; ++now) EXPECT_FALSE(attacks.observe(reading, now)) << now;

  add(reading, 3, ShieldFate::truncated, 77);
  reading.kernel_drops = 5;
  reading.level = 0;
  const auto ended = attacks.observe(reading, 140);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->event, "overload-ended");
  EXPECT_NE(ended->message.find("after 39 s; 1000 questions were answered, 77 got a cheap answer, "
                                "250000 none, 5 found"),
            std::string::npos)
      << ended->message;
  EXPECT_FALSE(attacks.observe(reading, 141));
}

TEST(AttackLog, TellsOfAFloodOfBeginningsByItself) {
  AttackLog attacks;
  ShieldReading reading;
  reading.beginnings_kept_away = 7;
  EXPECT_FALSE(attacks.observe_beginnings(reading, 100));
  reading.beginnings_per_s_max = 5'000;
  const auto began = attacks.observe_beginnings(reading, 101);
  ASSERT_TRUE(began);
  EXPECT_EQ(began->event, "syn-flood-began");
  EXPECT_NE(began->message.find("5000 a second"), std::string::npos) << began->message;
  reading.beginnings_kept_away = 1'007;
  EXPECT_FALSE(attacks.observe_beginnings(reading, 102));
  reading.beginnings_per_s_max = 0;
  const auto ended = attacks.observe_beginnings(reading, 111);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->event, "syn-flood-ended");
  EXPECT_NE(ended->message.find("after 10 s; filters kept 1000"), std::string::npos)
      << ended->message;
}

TEST(AttackLog, DoesNotSayThatALimitHoldsWhereTheKernelTakesNoFilter) {
  AttackLog attacks;
  ShieldReading reading;
  EXPECT_FALSE(attacks.observe_refusals(reading));
  reading.beginnings_refused = EPERM;
  const auto refused = attacks.observe_refusals(reading);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->event, "filter-refused");
  EXPECT_NE(refused->message.find("not limited under a flood: Operation not permitted"),
            std::string::npos)
      << refused->message;
  EXPECT_FALSE(attacks.observe_refusals(reading)) << "once";
  reading.datagrams_refused = ENOMEM;
  const auto more = attacks.observe_refusals(reading);
  ASSERT_TRUE(more);
  EXPECT_EQ(more->message.find("connections"), std::string::npos) << more->message;
  EXPECT_NE(more->message.find("datagrams"), std::string::npos) << more->message;

  reading.beginnings_per_s_max = 5'000;
  const auto began = attacks.observe_beginnings(reading, 101);
  ASSERT_TRUE(began);
  EXPECT_EQ(began->message.find("5000"), std::string::npos) << began->message;
  EXPECT_NE(began->message.find("nothing limits them"), std::string::npos) << began->message;
  reading.beginnings_per_s_max = 0;
  const auto ended = attacks.observe_beginnings(reading, 111);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->message.find("not limited any more"), std::string::npos) << ended->message;
}

TEST(AttackLog, SaysThatADryRunDoesNothing) {
  AttackLog attacks;
  ShieldReading reading;
  reading.level = 1;
  reading.is_dry_run = true;
  const auto began = attacks.observe(reading, 1);
  ASSERT_TRUE(began);
  EXPECT_NE(began->message.find("nothing is done about it"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::control
