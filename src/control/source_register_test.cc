// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/source_register.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace holdfast::control {
namespace {

constexpr uint64_t far_future_ns = UINT64_MAX;

class SourceRegisterFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-sources-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + "/" + name) << text;
    return directory_ + "/" + name;
  }

  std::string directory_;
};

TEST_F(SourceRegisterFile, TheFingerprintChangesWithAnyFileAndTheSalt) {
  const std::string zone = write("a.zone", "one");
  const std::vector<std::string> includes{write("b.inc", "two")};
  const uint64_t first = fingerprint_files(zone, includes, 1, far_future_ns);
  EXPECT_NE(first, 0U);
  EXPECT_EQ(fingerprint_files(zone, includes, 1, far_future_ns), first);
  EXPECT_NE(fingerprint_files(zone, includes, 2, far_future_ns), first);
  EXPECT_NE(fingerprint_files(zone, {}, 1, far_future_ns), first);
  write("b.inc", "three");
  EXPECT_NE(fingerprint_files(zone, includes, 1, far_future_ns), first);
}

TEST_F(SourceRegisterFile, AMissingFileOrOneJustChangedHasNoFingerprint) {
  EXPECT_EQ(fingerprint_files(directory_ + "/gone", {}, 1, far_future_ns), 0U);
  const std::string zone = write("a.zone", "one");
  EXPECT_EQ(fingerprint_files(zone, {}, 1, reading_begins_unix_ns()), 0U);
}

TEST_F(SourceRegisterFile, LaterLinesOverrideAndIncludesAreKept) {
  {
    SourceRegister sources(directory_);
    sources.append("example.", {1, 11, 111, 0, "/a", {}});
    sources.append("other.", {7, 77, 777, 0, "/o", {}});
    ASSERT_TRUE(sources.flush());
    sources.append("example.", {2, 22, 222, 5, "/a", {"/b", "/c"}});
    ASSERT_TRUE(sources.flush());
  }
  const SourceRegister sources(directory_);
  const KnownSource* example = sources.find("example.");
  ASSERT_NE(example, nullptr);
  EXPECT_EQ(example->generation, 2U);
  EXPECT_EQ(example->fingerprint, 22U);
  EXPECT_EQ(example->loaded_unix_s, 222U);
  EXPECT_EQ(example->failing_since_unix_s, 5U);
  EXPECT_EQ(example->includes, (std::vector<std::string>{"/b", "/c"}));
  ASSERT_NE(sources.find("other."), nullptr);
  EXPECT_EQ(sources.find("third."), nullptr);
}

TEST_F(SourceRegisterFile, DamageCostsOnlyTheLinesItHits) {
  {
    SourceRegister sources(directory_);
    sources.append("example.", {1, 11, 111, 0, "/a", {}});
    ASSERT_TRUE(sources.flush());
  }
  std::ofstream(directory_ + "/zone-sources", std::ios::app) << "x.\tnot a number\nexample.\t9";
  {
    SourceRegister sources(directory_);
    EXPECT_EQ(sources.find("example.")->generation, 1U);
    EXPECT_EQ(sources.find("x."), nullptr);
    sources.append("new.", {3, 33, 333, 0, "/n", {}});
    ASSERT_TRUE(sources.flush());
  }
  const SourceRegister sources(directory_);
  EXPECT_EQ(sources.find("example.")->generation, 1U);
  ASSERT_NE(sources.find("new."), nullptr);
}

TEST_F(SourceRegisterFile, WhatIsNoRegisterIsReplaced) {
  std::ofstream(directory_ + "/zone-sources") << "something else";
  SourceRegister sources(directory_);
  EXPECT_TRUE(sources.wants_rewrite(1));
  ASSERT_TRUE(sources.rewrite(
      [](const SourceRegister::Put& put) { put("example.", {7, 1, 1, 0, "/a", {}}); }));
  EXPECT_FALSE(sources.wants_rewrite(1));
  EXPECT_EQ(SourceRegister(directory_).find("example.")->generation, 7U);
}

TEST_F(SourceRegisterFile, APathThatWouldBreakALineIsLeftOut) {
  SourceRegister sources(directory_);
  sources.append("tab.", {1, 11, 111, 0, "/a\tb", {}});
  sources.append("break.", {1, 11, 111, 0, "/a\nexample.\t1\t1\t1\t0\t/x", {}});
  ASSERT_TRUE(sources.flush());
  const SourceRegister again(directory_);
  EXPECT_EQ(again.find("tab."), nullptr);
  EXPECT_EQ(again.find("break."), nullptr);
  EXPECT_EQ(again.find("example."), nullptr);
}

TEST_F(SourceRegisterFile, IsRewrittenWhenHalfOfItIsOutdated) {
  SourceRegister sources(directory_);
  for (uint32_t i = 0; i < 1100; ++i) sources.append("example.", {i, 1, 1, 0, "/a", {}});
  ASSERT_TRUE(sources.flush());
  EXPECT_TRUE(sources.wants_rewrite(1));
  ASSERT_TRUE(sources.rewrite(
      [](const SourceRegister::Put& put) { put("example.", {1099, 1, 1, 0, "/a", {}}); }));
  EXPECT_FALSE(sources.wants_rewrite(1));
  EXPECT_LT(std::filesystem::file_size(directory_ + "/zone-sources"), 100U);
  EXPECT_EQ(SourceRegister(directory_).find("example.")->generation, 1099U);
}

}  // namespace
}  // namespace holdfast::control
