// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/attack_plan.h"

#include <gtest/gtest.h>

#include "drill/scenario_catalog.h"

namespace holdfast::drill {
namespace {

Scenario scenario_of(std::string_view text) {
  auto scenario = parse_scenario(text, "test");
  EXPECT_TRUE(scenario.has_value()) << scenario.error().message;
  return *scenario;
}

TEST(AttackSegments, CoverThePhasesOfTheAttack) {
  const auto segments = attack_segments(scenario_of(
      "[[phase]]\nseconds = 2\n[[phase]]\nrole = \"attack\"\nseconds = 3\n[[attack]]\n"));
  ASSERT_EQ(segments.size(), 1U);
  EXPECT_EQ(segments[0].start_s, 2);
  EXPECT_EQ(segments[0].end_s, 5);
  EXPECT_EQ(segments[0].attacks, std::vector<size_t>{0});
}

TEST(AttackSegments, PauseWithThePulse) {
  const auto segments = attack_segments(
      scenario_of("[[phase]]\nrole = \"attack\"\nseconds = 5\n[[attack]]\non = 1\noff = 1\n"));
  ASSERT_EQ(segments.size(), 3U);
  EXPECT_EQ(segments[1].start_s, 2);
  EXPECT_EQ(segments[1].end_s, 3);
  EXPECT_EQ(segments[2].end_s, 5);
}

TEST(AttackSegments, HoldAllThatRunsAtATime) {
  const auto segments = attack_segments(scenario_of(
      "[[phase]]\nname = \"a\"\nrole = \"attack\"\nseconds = 4\n"
      "[[phase]]\nname = \"b\"\nrole = \"attack\"\nseconds = 4\n"
      "[[attack]]\nphases = [\"a\"]\n[[attack]]\n[[attack]]\nphases = [\"b\"]\non = 1\noff = 9\n"));
  ASSERT_EQ(segments.size(), 3U);
  EXPECT_EQ(segments[0].attacks, (std::vector<size_t>{0, 1}));
  EXPECT_EQ(segments[1].attacks, (std::vector<size_t>{1, 2}));
  EXPECT_EQ(segments[1].end_s, 5);
  EXPECT_EQ(segments[2].attacks, std::vector<size_t>{1});
}

class AttackFramesTest : public testing::Test {
 protected:
  AttackFramesTest() {
    zones_.zones = {{"one.example.", "", {{"a.one.example.", "A"}}, "wild.one.example."},
                    {"two.example.", "", {{"b.two.example.", "A"}}, ""}};
    PopulationShape shape;
    shape.resolvers = 100;
    shape.wide = true;
    population_ = *make_population(shape, AddressFamily::ipv4);
  }

  AttackFrames frames_of(const std::string& attack) {
    Scenario scenario =
        scenario_of("[honest]\nresolvers = 100\n[[phase]]\nseconds = 1\n[[attack]]\n" + attack);
    auto frames = attack_frames(scenario, 0, zones_, population_);
    EXPECT_TRUE(frames.has_value()) << frames.error().message;
    return std::move(*frames);
  }

  ZoneSet zones_;
  Population population_;
};

TEST_F(AttackFramesTest, ResolversAreForgedWithTheirHopCountOrAnother) {
  const AttackFrames right = frames_of("sources = \"resolvers\"\nresolvers = 5\n");
  const AttackFrames wrong =
      frames_of("sources = \"resolvers\"\nresolvers = 5\nhops = \"wrong\"\n");
  ASSERT_EQ(right.clients.size(), 5U);
  for (size_t index = 0; index < 5; ++index) {
    EXPECT_EQ(right.clients[index], population_.resolvers[index].address);
    EXPECT_EQ(right.config.hop_limits[index], population_.resolvers[index].hop_limit);
    EXPECT_NE(wrong.config.hop_limits[index], population_.resolvers[index].hop_limit);
  }
}

TEST_F(AttackFramesTest, OtherAddressesAreNoResolvers) {
  for (const Prefix& client : frames_of("sources = 1000\n").clients) {
    for (const Resolver& resolver : population_.resolvers) ASSERT_NE(client, resolver.address);
  }
}

TEST_F(AttackFramesTest, NamesAreOfOneZoneOrOfAll) {
  EXPECT_EQ(frames_of("names = \"existing\"\n").questions.size(), 1U);
  EXPECT_EQ(frames_of("names = \"existing\"\nzone = \"all\"\n").questions.size(), 2U);
  EXPECT_TRUE(frames_of("names = \"random\"\n").questions.has_random_label());
  EXPECT_EQ(frames_of("names = \"wildcard\"\nzone = \"all\"\n").questions.size(), 1U);
  EXPECT_GT(frames_of("names = \"words\"\n").questions.size(), 100'000U);
}

TEST_F(AttackFramesTest, WithoutAWildcardThereIsNothingUnderIt) {
  zones_.attacked = 1;
  const Scenario scenario =
      scenario_of("[[phase]]\nseconds = 1\n[[attack]]\nnames = \"wildcard\"\n");
  EXPECT_FALSE(attack_frames(scenario, 0, zones_, population_).has_value());
}

}  // namespace
}  // namespace holdfast::drill
