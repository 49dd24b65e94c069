// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/signer_rolls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

namespace holdfast::control {
namespace {

using ::testing::IsEmpty;

constexpr uint64_t begin_s = 1'800'000'000;

class SignerRollsTest : public testing::Test {
 protected:
  SignerRollsTest() {
    std::string pattern = testing::TempDir() + "signersXXXXXX";
    folder_ = mkdtemp(pattern.data());
    policy_.parents = {*parse_endpoint("192.0.2.1", 53)};
    policy_.signers = {*config::parse_signer("other 192.0.2.2 ns.other.test")};
    policy_.dnskey_ttl_s = 3600;
  }
  ~SignerRollsTest() override { std::filesystem::remove_all(folder_); }
  std::vector<dnssec::OtherSigner> enlist() {
    return SignerRolls::enlist(policy_, folder_, begin_s).value();
  }

  std::string folder_;
  config::PolicySetting policy_;
  SignerRolls rolls_;
};

TEST_F(SignerRollsTest, ThoseOfThePolicyAreKeptAndStayWhenItForgetsThem) {
  auto signers = enlist();
  ASSERT_EQ(signers.size(), 1U);
  EXPECT_EQ(signers[0].phase, dnssec::SignerPhase::keys);
  policy_.signers[0] = *config::parse_signer("other 192.0.2.3");
  EXPECT_THAT(enlist().at(0).name_servers, IsEmpty());
  policy_.signers.clear();
  signers = enlist();
  ASSERT_EQ(signers.size(), 1U);
  EXPECT_EQ(signers[0].servers, std::vector{*parse_endpoint("192.0.2.3", 53)});
}

TEST_F(SignerRollsTest, AreAskedOftenWhileTheyComeAndSeldomOnceTheyAreIn) {
  auto signers = enlist();
  rolls_.note("z.", policy_, signers, begin_s);
  const auto due = rolls_.take_due(begin_s);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].signers.at("other"), policy_.signers[0].servers);
  EXPECT_EQ(due[0].parents, policy_.parents);
  signers[0].phase = dnssec::SignerPhase::joined;
  rolls_.note("z.", policy_, signers, begin_s);
  size_t asked = 0;
  for (uint64_t s = 1; s <= 36'000; ++s) asked += rolls_.take_due(begin_s + s).size();
  EXPECT_GE(asked, 36'000 / SignerRolls::ask_s_max);
  EXPECT_LE(asked, 36'000 / SignerRolls::ask_s_max + 12);
  signers[0].phase = dnssec::SignerPhase::left;
  policy_.signers.clear();
  rolls_.note("z.", policy_, signers, begin_s + 40'000);
  EXPECT_THAT(rolls_.take_due(begin_s + 100'000), IsEmpty());
}

TEST_F(SignerRollsTest, OfManyZonesSomeAreAskedAtATime) {
  const auto signers = enlist();
  constexpr size_t zones = 3 * SignerRolls::zones_asked_max;
  for (size_t i = 0; i < zones; ++i) {
    rolls_.note("z" + std::to_string(i) + ".", policy_, signers, begin_s);
  }
  std::set<std::string> asked;
  for (int i = 0; i < 3; ++i) {
    const auto due = rolls_.take_due(begin_s);
    EXPECT_EQ(due.size(), SignerRolls::zones_asked_max);
    for (const GroupQuestion& question : due) asked.insert(question.zone);
  }
  EXPECT_EQ(asked.size(), zones);
}

TEST_F(SignerRollsTest, WhatTheySayIsKept) {
  enlist();
  const GroupAnswers answers{.zone = "z.",
                             .parents = {{.server = "p"}},
                             .signers = {{"other", {{.server = "o", .error = "no answer"}}}}};
  const auto concerns_zone = rolls_.on_answers(answers, policy_, folder_, {}, begin_s);
  ASSERT_TRUE(concerns_zone);
  EXPECT_FALSE(*concerns_zone);
  EXPECT_EQ(enlist().at(0).waits_for, "o: no answer");
  policy_.signers.clear();
  EXPECT_TRUE(rolls_.on_answers(answers, policy_, folder_, {}, begin_s).value());
  EXPECT_EQ(enlist().at(0).phase, dnssec::SignerPhase::left);
}

}  // namespace
}  // namespace holdfast::control
