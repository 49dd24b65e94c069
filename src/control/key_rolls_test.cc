// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/key_rolls.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "dnssec/key_file.h"

namespace holdfast::control {
namespace {

constexpr uint64_t begin_s = 1'700'000'000;
constexpr const char* zone = "example.";

class KeyRollsTest : public testing::Test {
 protected:
  KeyRollsTest() {
    std::string pattern = testing::TempDir() + "rollsXXXXXX";
    folder_ = mkdtemp(pattern.data());
    policy_.algorithm = config::SigningAlgorithm::ed25519;
    policy_.ksk_lifetime_s = 1000;
    policy_.dnskey_ttl_s = policy_.ttl_max_s = policy_.ds_ttl_s = policy_.propagation_s = 10;
    policy_.parents = {*parse_endpoint("192.0.2.1", 53)};
    dnssec::ZoneKey key(*wire::Name::from_text(zone), dnssec::flags_ksk,
                        *dnssec::PrivateKey::generate(*dnssec::find_algorithm(dnssec::ed25519), 0));
    key.times = {
        .created = begin_s, .publish = begin_s, .activate = begin_s, .sync_publish = begin_s};
    keys_.push_back(std::move(key));
  }
  ~KeyRollsTest() override { std::filesystem::remove_all(folder_); }
  void roll_at(uint64_t now_s) {
    const auto rolled = rolls_.roll(zone, policy_, folder_, now_s, keys_);
    ASSERT_TRUE(rolled.has_value()) << rolled.error().message;
  }

  std::string folder_;
  config::PolicySetting policy_;
  std::vector<dnssec::ZoneKey> keys_;
  KeyRolls rolls_;
};

TEST_F(KeyRollsTest, ACskIsRolledOnceAndItsEndWaitsForTheParents) {
  roll_at(begin_s + 999);
  EXPECT_EQ(keys_.size(), 1U);
  EXPECT_EQ(KeyRolls::next_time(policy_, keys_), begin_s + 1000);
  roll_at(begin_s + 1000);
  ASSERT_EQ(keys_.size(), 2U);
  EXPECT_EQ(dnssec::load_keys(folder_, *wire::Name::from_text(zone))->size(), 2U);
  EXPECT_TRUE(rolls_.take_due(begin_s + 1000).empty());  // its CDS is not out yet
  roll_at(begin_s + 1020);
  const auto due = rolls_.take_due(begin_s + 1020);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].first, zone);
  EXPECT_EQ(due[0].second.dnskey, keys_[1].dnskey_rdata());
  rolls_.on_ds(zone, keys_[0].tag());  // of the old one: no reason for anything
  roll_at(begin_s + 1030);
  EXPECT_FALSE(keys_[0].times.remove.has_value());
  rolls_.on_ds(zone, keys_[1].tag());
  roll_at(begin_s + 1040);
  EXPECT_EQ(keys_[0].times.remove, begin_s + 1060);
  EXPECT_TRUE(rolls_.take_due(begin_s + 5000).empty());
}

TEST_F(KeyRollsTest, ParentsAreAskedLessAndLess) {
  roll_at(begin_s + 1000);
  roll_at(begin_s + 1020);
  size_t asked = 0;
  for (uint64_t s = 0; s < 3600; ++s) asked += rolls_.take_due(begin_s + 1020 + s).size();
  EXPECT_GT(asked, 3600 / KeyRolls::ask_s_max);
  EXPECT_LT(asked, 3600 / KeyRolls::ask_s_max + 12);
  rolls_.forget(zone);
  EXPECT_TRUE(rolls_.take_due(begin_s + 10'000).empty());
}

TEST_F(KeyRollsTest, WithoutParentsNobodyIsAsked) {
  policy_.parents.clear();
  roll_at(begin_s + 1000);
  roll_at(begin_s + 1020);
  EXPECT_TRUE(rolls_.take_due(begin_s + 1020).empty());
}

}  // namespace
}  // namespace holdfast::control
