// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drill/scenario_catalog.h"

namespace holdfast::drill {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view text) {
  const auto scenario = parse_scenario(text, "mine.toml");
  return scenario ? "no error" : scenario.error().message;
}

TEST(Scenario, EveryOneThatComesWithTheProgramIsGoodAndBearsItsName) {
  const auto catalog = scenario_catalog();
  EXPECT_GE(catalog.size(), 20U);
  for (const CatalogEntry& entry : catalog) {
    const auto scenario = parse_scenario(entry.text, std::string(entry.name));
    ASSERT_TRUE(scenario.has_value()) << scenario.error().message;
    EXPECT_EQ(scenario->name, entry.name);
    EXPECT_FALSE(scenario->about.empty());
    EXPECT_EQ(scenario->phases.front().role, PhaseRole::quiet) << "a server learns first";
  }
}

TEST(Scenario, HasWhatItsFileSays) {
  const auto scenario = parse_scenario(R"(
name = "mine"
[honest]
resolvers = 50
rate = 200
never_seen = 0.1
[[phase]]
seconds = 2
[[phase]]
name = "wave"
role = "attack"
seconds = 3.5
demand = 20
zone = "one"
[[attack]]
phases = ["wave"]
rate = "0.8 floor"
sources = "resolvers"
resolvers = 7
hops = "wrong"
names = "mixed-case"
)",
                                       "mine.toml");
  ASSERT_TRUE(scenario.has_value()) << scenario.error().message;
  EXPECT_EQ(scenario->honest.resolvers, 50U);
  EXPECT_EQ(scenario->honest.never_seen, 0.1);
  ASSERT_EQ(scenario->phases.size(), 2U);
  EXPECT_EQ(scenario->phases[0].name, "quiet");
  EXPECT_FALSE(scenario->phases[0].newcomers);
  EXPECT_EQ(scenario->phases[1].demand, 20);
  EXPECT_TRUE(scenario->phases[1].one_zone);
  EXPECT_TRUE(scenario->phases[1].newcomers);
  ASSERT_EQ(scenario->attacks.size(), 1U);
  EXPECT_EQ(scenario->attacks[0].rate.of_floor, 0.8);
  EXPECT_EQ(scenario->attacks[0].names, AttackNames::mixed_case);
  EXPECT_EQ(scenario->attacks[0].hops, AttackHops::wrong);
  EXPECT_EQ(scenario->shared_resolvers(), 7U);
  EXPECT_TRUE(scenario->needs_floor());
  EXPECT_EQ(scenario->seconds(), 5.5);
}

TEST(Scenario, MayDemandWhatItWants) {
  const auto scenario = parse_scenario(
      "[target]\nfirst_try = 0.98\nother_zones = 0.999\nattack = false\n"
      "[[phase]]\nseconds = 1\n",
      "mine.toml");
  ASSERT_TRUE(scenario.has_value()) << scenario.error().message;
  ASSERT_TRUE(scenario->targets.has_value());
  EXPECT_EQ(scenario->targets->first_try, 0.98);
  EXPECT_EQ(scenario->targets->other_zones, 0.999);
  EXPECT_FALSE(scenario->targets->over_tcp.has_value());
  EXPECT_FALSE(scenario->targets->is_attack);
  EXPECT_THAT(error_of("[target]\nfirst_try = 2\n[[phase]]\nseconds = 1\n"),
              testing::AllOf(HasSubstr("mine.toml:2: "), HasSubstr("0 to 1")));
}

TEST(Scenario, DemandsNothingBeyondWhatACoreCanTake) {
  auto scenario = find_scenario("random-names");
  ASSERT_TRUE(scenario.has_value());
  scenario->set_rate(AttackRate{0, 0.8});
  EXPECT_TRUE(scenario->targets.has_value());
  scenario->set_rate(AttackRate{0, 1});
  EXPECT_FALSE(scenario->targets.has_value());
  scenario->set_rate(std::nullopt);
  ASSERT_TRUE(scenario->targets.has_value()) << "without attack all is to be answered";
  EXPECT_EQ(scenario->targets->first_try, 1);
}

TEST(Scenario, AnErrorNamesLineValueAndWhatWasExpected) {
  EXPECT_THAT(error_of("[honest]\nresolvers = -3\n"),
              testing::AllOf(HasSubstr("mine.toml:2: "), HasSubstr("-3"), HasSubstr("1 to 50000")));
  EXPECT_THAT(error_of("[[phase]]\nseconds = 1\nrole = \"storm\"\n"),
              testing::AllOf(HasSubstr("mine.toml:3: "), HasSubstr("\"storm\""),
                             HasSubstr("quiet, attack, after")));
  EXPECT_THAT(error_of("[[phase]]\nsecond = 1\n"), HasSubstr("mine.toml:2: unknown key 'second'"));
  EXPECT_THAT(error_of("[[phase]]\nrole = \"quiet\"\n"), HasSubstr("needs seconds"));
  EXPECT_THAT(error_of("[[phase]]\nseconds = 1\n[[attack]]\nrate = 0\n"),
              testing::AllOf(HasSubstr("mine.toml:4: "), HasSubstr("rate = 0")));
  EXPECT_THAT(error_of("[[phase]]\nseconds = 1\n[[attack]]\nrate = \"0.8 flor\"\n"),
              HasSubstr("mine.toml:4: "));
  EXPECT_THAT(error_of("[[phase]]\nseconds = 1\n[[attack]]\nphases = [\"wave\"]\n"),
              HasSubstr("'wave': there is none"));
  EXPECT_THAT(error_of("[[phase]\n"), HasSubstr("mine.toml:1: "));
  EXPECT_THAT(error_of("# caf\xC3\xA9\n"), HasSubstr("mine.toml:1: a letter that is not ASCII"));
  EXPECT_THAT(error_of("name = \"empty\"\n"), HasSubstr("no [[phase]]"));
}

TEST(Scenario, OverIpv6ThereAreOnlyQuestionsFromAddresses) {
  EXPECT_THAT(error_of("[[phase]]\nseconds = 1\n[[attack]]\nkind = \"syn\"\nipv6 = true\n"),
              HasSubstr("mine.toml:3: "));
}

TEST(Scenario, ARateIsANumberOrAShareOfTheFloor) {
  EXPECT_EQ(parse_rate("300000")->per_s, 300'000U);
  EXPECT_EQ(parse_rate("0.8 floor")->of_floor, 0.8);
  for (const char* text : {"", "0", "-1", "x", "1 flor", "3 floor", "99999999999", "1 floor "}) {
    EXPECT_FALSE(parse_rate(text).has_value()) << text;
  }
}

TEST(Scenario, AnotherRateIsThatOfTheAttackNotOfWhatCameBefore) {
  auto scenario = find_scenario("poisoned-history");
  ASSERT_TRUE(scenario.has_value());
  scenario->set_rate(AttackRate{1234, 0});
  EXPECT_EQ(scenario->attacks[0].rate.per_s, 2000U);
  EXPECT_EQ(scenario->attacks[1].rate.per_s, 1234U);
  scenario->set_rate(std::nullopt);
  EXPECT_EQ(scenario->attacks.size(), 1U);
}

TEST(Scenario, AnUnknownNameIsToldWithTheKnownOnes) {
  const auto scenario = find_scenario("random-nmaes");
  ASSERT_FALSE(scenario.has_value());
  EXPECT_THAT(scenario.error().message, HasSubstr("\n  random-names\n"));
}

}  // namespace
}  // namespace holdfast::drill
