// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/signer.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(Signer, IsReadAndWritten) {
  const auto signer =
      parse_signer("other-1 192.0.2.2 ::1@5300 ns1.Other.example ns2.other.example.");
  ASSERT_TRUE(signer);
  EXPECT_EQ(signer->to_text(),
            "other-1 192.0.2.2@53 ::1@5300 ns1.other.example. ns2.other.example.");
  EXPECT_EQ(*parse_signer(signer->to_text()), *signer);
  EXPECT_TRUE(parse_signer("a 192.0.2.2"));
}

TEST(Signer, WhatIsWrongIsRefused) {
  for (const char* text :
       {"", "a", "a ns1.example", "a/b 192.0.2.2", "a 192.0.2.2 ns1.example 192.0.2.3",
        "a 192.0.2.2  ns1.example", "a 192.0.2.2@0", "a 192.0.2.2 ..",
        "this-name-is-longer-than-it-may-be 192.0.2.2", "a ::1 ::2 ::3 ::4 ::5 ::6 ::7 ::8 ::9"}) {
    EXPECT_FALSE(parse_signer(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast::config
