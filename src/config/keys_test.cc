// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/keys.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(Keys, EachHasAMeaningAndADefaultThatItMayHold) {
  const Draft standard{.config = default_config()};
  for (const Table& table : all_tables()) {
    EXPECT_FALSE(table.meaning.empty());
    for (const Key& key : table.keys) {
      EXPECT_EQ(key.table, table.name);
      EXPECT_FALSE(key.meaning.empty()) << key.full_name();
      EXPECT_FALSE(expectation(key).empty()) << key.full_name();
      if (key.presence == Presence::required) continue;
      EXPECT_TRUE(is_allowed(key, key.get(standard))) << key.full_name();
    }
  }
}

}  // namespace
}  // namespace holdfast::config
