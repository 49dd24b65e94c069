// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/parent_notices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "control/parent_teller.h"
#include "wire/types.h"

namespace holdfast::control {
namespace {

using ::testing::IsEmpty;

constexpr uint64_t begin_s = 1'800'000'000;
constexpr const char* zone = "example.";

class ParentNoticesTest : public testing::Test {
 protected:
  ParentNoticesTest() {
    std::string pattern = testing::TempDir() + "noticesXXXXXX";
    folder_ = mkdtemp(pattern.data());
    policy_.parents = {*parse_endpoint("192.0.2.1", 53)};
    policy_.propagation_s = 10;
  }
  ~ParentNoticesTest() override { std::filesystem::remove_all(folder_); }
  void note(const ParentWishes& wishes, uint64_t now_s = begin_s) {
    notices_.note(zone, policy_, folder_, wishes, now_s);
  }

  std::string folder_;
  config::PolicySetting policy_;
  ParentNotices notices_;
};

TEST_F(ParentNoticesTest, AreDueOnceAllServersHaveTheChange) {
  note({.cds = 1, .csync = 2});
  note({.cds = 1, .csync = 2}, begin_s + 5);  // nothing new
  EXPECT_THAT(notices_.take_due(begin_s + 9), IsEmpty());
  const auto due = notices_.take_due(begin_s + 10);
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].type, wire::type_cds);
  EXPECT_EQ(due[1].type, wire::type_csync);
  notices_.on_told(due[0]);
  // Again and again until that is told too, less and less often.
  EXPECT_EQ(notices_.take_due(begin_s + 10 + ParentNotices::retry_s_min).size(), 1U);
  size_t again = 0;
  for (uint64_t s = 0; s < 86400; s += 10) again += notices_.take_due(begin_s + 100 + s).size();
  EXPECT_GE(again, 86400 / ParentNotices::retry_s_max - 1);
  EXPECT_LE(again, 86400 / ParentNotices::retry_s_max + 8);
  notices_.on_told(due[1]);
  EXPECT_THAT(notices_.take_due(begin_s + 1'000'000), IsEmpty());
}

TEST_F(ParentNoticesTest, WhatWasToldIsKept) {
  note({.cds = 7});
  notices_.on_told(notices_.take_due(begin_s + 10).at(0));
  ParentNotices after;
  after.note(zone, policy_, folder_, {.cds = 7}, begin_s + 20);
  EXPECT_THAT(after.take_due(begin_s + 1000), IsEmpty());
  after.note(zone, policy_, folder_, {.cds = 8}, begin_s + 1000);
  EXPECT_EQ(after.take_due(begin_s + 1010).size(), 1U);
}

TEST_F(ParentNoticesTest, AChangeMeanwhileIsToldAsWell) {
  note({.cds = 1});
  const auto first = notices_.take_due(begin_s + 10);
  note({.cds = 2}, begin_s + 11);
  notices_.on_told(first.at(0));
  EXPECT_EQ(notices_.take_due(begin_s + 21).size(), 1U);
}

TEST_F(ParentNoticesTest, ManyAreToldOneAfterAnother) {
  constexpr size_t zones = 3 * ParentNotices::notices_max;
  for (size_t i = 0; i < zones; ++i) {
    notices_.note("z" + std::to_string(i) + ".", policy_, folder_, {.cds = 1}, begin_s);
  }
  std::set<std::string> told;
  for (int i = 0; i < 3; ++i) {
    const auto due = notices_.take_due(begin_s + 10);
    EXPECT_EQ(due.size(), ParentNotices::notices_max);
    for (const ParentNotice& notice : due) told.insert(notice.zone);
  }
  EXPECT_EQ(told.size(), zones);
  EXPECT_THAT(notices_.take_due(begin_s + 10), IsEmpty());
}

TEST_F(ParentNoticesTest, WithoutParentsNobodyIsTold) {
  policy_.notify_parent = false;
  note({.cds = 1});
  policy_.notify_parent = true;
  policy_.parents.clear();
  note({.cds = 2});
  EXPECT_THAT(notices_.take_due(begin_s + 1000), IsEmpty());
}

TEST(DsyncName, StandsBehindTheLabelsOfTheChild) {
  const wire::Name child = wire::Name::from_text("a.b.example").value();
  EXPECT_EQ(dsync_name(child, 1)->view().to_text(), "a._dsync.b.example.");
  EXPECT_EQ(dsync_name(child, 2)->view().to_text(), "a.b._dsync.example.");
  EXPECT_EQ(dsync_name(child, 0)->view().to_text(), "_dsync.a.b.example.");
  std::string text;
  for (int i = 0; i < 124; ++i) text += "a.";
  EXPECT_FALSE(dsync_name(wire::Name::from_text(text).value(), 1).has_value());
}

}  // namespace
}  // namespace holdfast::control
