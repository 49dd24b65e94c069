// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/lifted_text.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(LiftedText, ComesBackTheSame) {
  for (const std::string text : {"", "plain", "caf\u00e9 \u0080\u07ff\u0800\ud7ff\ue000\uffff",
                                 "\U00010000 \U000effff \U00100000 \U0010ffff"}) {
    const auto lifted = lift_text(text);
    ASSERT_TRUE(lifted) << text;
    EXPECT_EQ(lower_text(*lifted), text);
  }
  EXPECT_EQ(lift_text("\u00e9"), "\U000F00E9");
  EXPECT_EQ(lift_text("\ufeffa"), "\ufeffa");  // a byte order mark stays one
}

TEST(LiftedText, IsNotMadeOfWhatIsNoUtf8OrStandsThereAlready) {
  const auto fault = [](std::string_view text) {
    const auto lifted = lift_text(text);
    return lifted ? size_t{999} : lifted.error();
  };
  EXPECT_EQ(fault("a\x80"), 1U);
  EXPECT_EQ(fault("ab\xC3"), 2U);
  EXPECT_EQ(fault("\xC3("), 0U);
  EXPECT_EQ(fault("\xC1\xA9"), 0U);          // overlong
  EXPECT_EQ(fault("\xED\xA0\x80"), 0U);      // a surrogate
  EXPECT_EQ(fault("\xF4\x90\x80\x80"), 0U);  // beyond U+10FFFF
  EXPECT_EQ(fault("\xFF"), 0U);
  EXPECT_EQ(fault("x\U000F00E9"), 1U);
}

TEST(LiftedText, LeavesWhatEscapesMayHaveMade) {
  EXPECT_EQ(lower_text("\U000F0041 \U000FD800 \xFF"), "\U000F0041 \U000FD800 \xFF");
}

}  // namespace
}  // namespace holdfast::config
