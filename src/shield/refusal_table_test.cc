// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/refusal_table.h"

#include <gtest/gtest.h>

#include <memory>

#include "wire/test_packet.h"

namespace holdfast::shield {
namespace {

class RefusalTableTest : public testing::Test {
 protected:
  RefusalTableTest() { table_.set_key({4, 5, 6}); }

  static wire::TestPacket packet(unsigned number) {
    wire::TestPacket made(7, 0, {1, 0, 0, 0});
    made.question("n" + std::to_string(number) + ".example.", 1);
    return made;
  }
  void refuse(unsigned number, uint64_t until_ns, size_t level = 0) {
    table_.enter({.mark = likeness_of(packet(number).bytes(), table_.key()).marks[level],
                  .until_ns = until_ns});
  }
  [[nodiscard]] bool refuses(unsigned number, uint64_t now_ns) const {
    return table_.refuses(packet(number).bytes(), now_ns);
  }

  RefusalTable table_;
};

TEST_F(RefusalTableTest, BeginsEmpty) {
  EXPECT_TRUE(table_.empty());
  EXPECT_FALSE(refuses(1, 0));
}

TEST_F(RefusalTableTest, RefusesUntilItsTime) {
  refuse(1, 100);
  EXPECT_FALSE(table_.empty());
  EXPECT_TRUE(refuses(1, 99));
  EXPECT_FALSE(refuses(1, 100));
  EXPECT_FALSE(refuses(2, 99));
}

TEST_F(RefusalTableTest, ABroadLevelRefusesAllThatIsAlike) {
  refuse(1, 100, 1);
  EXPECT_TRUE(refuses(2, 99));
}

TEST_F(RefusalTableTest, ExpiryMakesItEmptyAgain) {
  refuse(1, 100);
  refuse(2, 200);
  table_.expire(150);
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_TRUE(refuses(2, 150));
  table_.expire(200);
  EXPECT_TRUE(table_.empty());
}

TEST_F(RefusalTableTest, EnteringAgainProlongs) {
  refuse(1, 100);
  refuse(1, 300);
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_TRUE(refuses(1, 299));
}

TEST_F(RefusalTableTest, WhenFullTheFirstToEndMakesRoom) {
  for (unsigned i = 0; i < RefusalTable::entries_max; ++i) refuse(i, 1000 + i);
  EXPECT_EQ(table_.size(), RefusalTable::entries_max);
  refuse(9999, 5000);
  EXPECT_EQ(table_.size(), RefusalTable::entries_max);
  EXPECT_FALSE(refuses(0, 1));
  EXPECT_TRUE(refuses(1, 1));
  EXPECT_TRUE(refuses(9999, 1));
}

}  // namespace
}  // namespace holdfast::shield
