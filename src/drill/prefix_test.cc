// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/prefix.h"

#include <gtest/gtest.h>

namespace holdfast::drill {
namespace {

Prefix prefix(const char* text) {
  const auto parsed = parse_prefix(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(Prefix{});
}

TEST(Prefix, ReadsWhatItWrites) {
  for (const char* text : {"198.18.0.0/15", "0.0.0.0/0", "fd00::/8", "::1/128", "127.0.0.1/32"}) {
    EXPECT_EQ(prefix(text).to_text(), text);
  }
  EXPECT_EQ(prefix("198.18.0.1").bits, 32);
  EXPECT_EQ(prefix("fd00::1").bits, 128);
  for (const char* text :
       {"198.18.0.0/33", "fd00::/129", "198.18.0.0/", "198.18.0.0/x", "host/8"}) {
    EXPECT_FALSE(parse_prefix(text).has_value()) << text;
  }
}

TEST(Prefix, ContainsWhatLiesWithin) {
  EXPECT_TRUE(prefix("198.18.0.0/15").contains(prefix("198.19.255.255")));
  EXPECT_FALSE(prefix("198.18.0.0/15").contains(prefix("198.20.0.0")));
  EXPECT_FALSE(prefix("198.18.0.0/15").contains(prefix("198.18.0.0/14")));
  EXPECT_TRUE(prefix("0.0.0.0/0").contains(prefix("8.8.8.8")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(prefix("::1")));
}

TEST(Prefix, OnlyTheRangesOfLaboratoriesAreTheirs) {
  EXPECT_TRUE(is_laboratory_range(prefix("198.18.3.0/24")));
  EXPECT_TRUE(is_laboratory_range(prefix("fd48:4600::/32")));
  for (const char* text : {"0.0.0.0/0", "::/0", "10.0.0.0/8", "198.18.0.0/14", "2001:db8::/32",
                           "fc00::/7", "192.0.2.1"}) {
    EXPECT_FALSE(is_laboratory_range(prefix(text))) << text;
  }
}

TEST(Prefix, ADefaultRouteIsNotConfined) {
  EXPECT_FALSE(is_confined_range(prefix("0.0.0.0/0")));
  EXPECT_FALSE(is_confined_range(prefix("::/0")));
  for (const char* text : {"127.0.0.1", "::1", "fe80::/64", "ff00::/8", "169.254.1.1"}) {
    EXPECT_TRUE(is_confined_range(prefix(text))) << text;
  }
}

}  // namespace
}  // namespace holdfast::drill
