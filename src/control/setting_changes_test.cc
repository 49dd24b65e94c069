// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/setting_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::control {
namespace {

TEST(SettingChanges, NamesEachKeyWithBothValues) {
  const config::Config before = config::default_config();
  config::Config after = before;
  EXPECT_THAT(describe_changes(before, after), testing::IsEmpty());
  after.tcp.idle_ms = 500;
  after.metrics.listen.reset();
  EXPECT_THAT(describe_changes(before, after),
              testing::UnorderedElementsAre("tcp.idle_ms: 10000 to 500",
                                            "metrics.listen: \"127.0.0.1:9153\" to \"\""));
}

TEST(SettingChanges, NeverShowsASecret) {
  config::Config before = config::default_config();
  before.cookies.active = config::CookieSecret{1, 2, 3};
  config::Config after = before;
  after.cookies.active = config::CookieSecret{4, 5, 6};
  EXPECT_THAT(describe_changes(before, after),
              testing::ElementsAre("cookies.active: another secret"));
}

}  // namespace
}  // namespace holdfast::control
