// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/account_keeper.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "wire/name_hash.h"

namespace holdfast::control {
namespace {

class AccountKeeping : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-accounts-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto memory = zone::Memory::open({.path = directory_ + "/zones.mem",
                                      .bytes_max = uint64_t{1} << 30,
                                      .hash_key = {.low = 1, .high = 2}},
                                     epochs_);
    ASSERT_TRUE(memory) << memory.error().message;
    memory_ = std::make_unique<zone::Memory>(*std::move(memory));
    keeper_ = std::make_unique<AccountKeeper>(*table_, *memory_);
  }
  void TearDown() override {
    memory_.reset();
    std::filesystem::remove_all(directory_);
  }

  static config::ZoneSource zone_of(const std::string& name, const std::string& account) {
    return {.name = name,
            .file = "f",
            .account = account.empty() ? nullptr : std::make_shared<const std::string>(account)};
  }
  // As the workers see it.
  [[nodiscard]] std::string account_of(const std::string& zone) const {
    const wire::SuffixHashes hashes(*wire::Name::from_text(zone), memory_->reader().hash_key());
    return keeper_->name_of(table_->find(hashes.of_last(hashes.label_count())));
  }

  EpochBoard epochs_;
  std::string directory_;
  std::unique_ptr<zone::Memory> memory_;
  std::unique_ptr<shield::AccountTable> table_ = std::make_unique<shield::AccountTable>();
  std::unique_ptr<AccountKeeper> keeper_;
};

TEST_F(AccountKeeping, ZonesAreFoundByTheirAccountUntilTheyLeaveIt) {
  keeper_->follow(std::vector{zone_of("a.test.", "x"), zone_of("b.test.", "y"),
                              zone_of("c.test.", "x"), zone_of("d.test.", "")});
  EXPECT_EQ(account_of("a.test."), "x");
  EXPECT_EQ(account_of("b.test."), "y");
  EXPECT_EQ(account_of("c.test."), "x");
  EXPECT_EQ(account_of("d.test."), "");
  EXPECT_EQ(keeper_->count(), 2u);
  keeper_->add(std::vector{zone_of("e.test.", "y")});
  EXPECT_EQ(account_of("e.test."), "y");
  keeper_->follow(std::vector{zone_of("a.test.", "y"), zone_of("b.test.", "")});
  EXPECT_EQ(account_of("a.test."), "y");
  EXPECT_EQ(account_of("b.test."), "");
  EXPECT_EQ(account_of("c.test."), "");
}

TEST_F(AccountKeeping, BeyondTheBoundThereIsNone) {
  std::vector<config::ZoneSource> zones;
  for (uint32_t i = 0; i < shield::accounts_max + 2; ++i) {
    zones.push_back(zone_of("z" + std::to_string(i) + ".test.", "a" + std::to_string(i)));
  }
  keeper_->follow(zones);
  EXPECT_EQ(keeper_->count(), shield::accounts_max);
  EXPECT_EQ(account_of("z0.test."), "a0");
  EXPECT_EQ(account_of(zones[shield::accounts_max - 1].name),
            "a" + std::to_string(shield::accounts_max - 1));
  EXPECT_EQ(account_of(zones.back().name), "");
}

}  // namespace
}  // namespace holdfast::control
