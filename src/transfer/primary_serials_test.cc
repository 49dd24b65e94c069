// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/primary_serials.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace holdfast::transfer {
namespace {

class PrimarySerialsOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-serials-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string path() const { return directory_ + "/primary-serials"; }

  std::string directory_;
};

TEST_F(PrimarySerialsOnDisk, AZoneThatIsNotSignedHereHasItsPrimarysSerial) {
  const PrimarySerials serials(directory_);
  EXPECT_EQ(serials.find("a.test.", 7), 7U);
  EXPECT_FALSE(serials.holds("a.test."));
}

TEST_F(PrimarySerialsOnDisk, VersionsOutliveARestart) {
  {
    PrimarySerials serials(directory_);
    ASSERT_TRUE(serials.note("a.test.", 10, 7));
    ASSERT_TRUE(serials.note("a.test.", 11, 7));
    ASSERT_TRUE(serials.note("a.test.", 12, 8));
    ASSERT_TRUE(serials.note("a.test.", 12, 9));  // that it was never served as
    ASSERT_TRUE(serials.note("b.test.", 1, std::nullopt));
    ASSERT_TRUE(serials.note("c.test.", 1, 1));
    ASSERT_TRUE(serials.forget("c.test."));
  }
  const PrimarySerials serials(directory_);
  EXPECT_EQ(serials.find("a.test.", 10), 7U);
  EXPECT_EQ(serials.find("a.test.", 12), 9U);
  EXPECT_EQ(serials.find("a.test.", 13), std::nullopt);
  EXPECT_TRUE(serials.holds("b.test.", 1));
  EXPECT_EQ(serials.find("b.test.", 1), std::nullopt);
  EXPECT_EQ(serials.find("c.test.", 5), 5U);
}

TEST_F(PrimarySerialsOnDisk, ALineThatCannotBeReadIsPassedOver) {
  std::ofstream(path()) << "a.test. 10 7\na.test. x 8\na.test. 11 9z\na.test. 12 13";
  const PrimarySerials serials(directory_);
  EXPECT_EQ(serials.find("a.test.", 10), 7U);
  EXPECT_FALSE(serials.holds("a.test.", 11));
  EXPECT_FALSE(serials.holds("a.test.", 12));  // cut short: 13 may have been 130
}

TEST_F(PrimarySerialsOnDisk, VersionsAndLinesAreBounded) {
  PrimarySerials serials(directory_);
  constexpr uint32_t versions = 3000;
  for (uint32_t i = 1; i <= versions; ++i) ASSERT_TRUE(serials.note("a.test.", i, i + 1));
  EXPECT_FALSE(serials.holds("a.test.", versions - PrimarySerials::versions_max));
  EXPECT_EQ(serials.find("a.test.", versions), versions + 1);
  EXPECT_LT(std::filesystem::file_size(path()), size_t{30'000});
  const PrimarySerials again(directory_);
  EXPECT_EQ(again.find("a.test.", versions), versions + 1);
}

TEST_F(PrimarySerialsOnDisk, WhatCannotBeWrittenIsRememberedAllTheSame) {
  PrimarySerials serials(directory_ + "/missing");
  EXPECT_FALSE(serials.note("a.test.", 2, 1));
  EXPECT_EQ(serials.find("a.test.", 2), 1U);
}

}  // namespace
}  // namespace holdfast::transfer
