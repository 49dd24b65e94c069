// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/refresh_queue.h"

#include <gtest/gtest.h>

namespace holdfast::control {
namespace {

TEST(RefreshQueue, GivesTheLongestDueFirst) {
  RefreshQueue queue;
  EXPECT_EQ(queue.due_at(UINT64_MAX), std::nullopt);
  queue.put("b.", 20);
  queue.put("a.", 30);
  EXPECT_EQ(queue.due_at(19), std::nullopt);
  EXPECT_EQ(queue.due_at(20), "b.");
  EXPECT_EQ(queue.due_at(99), "b.");
  queue.put("b.", 40);
  EXPECT_EQ(queue.due_at(99), "a.");
  queue.erase("a.");
  queue.erase("a.");
  EXPECT_EQ(queue.due_at(39), std::nullopt);
  EXPECT_EQ(queue.due_at(40), "b.");
}

}  // namespace
}  // namespace holdfast::control
