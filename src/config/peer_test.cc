// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/peer.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

bool covers(const char* rule, const char* address) {
  const Endpoint endpoint = *parse_endpoint(address, 1);
  return parse_access_rule(rule)->covers(endpoint.address_bytes());
}

TEST(AccessRule, CoversItsPrefixOfItsFamily) {
  EXPECT_TRUE(covers("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(covers("192.0.2.1", "192.0.2.0"));
  EXPECT_TRUE(covers("192.0.2.77/26", "192.0.2.127"));
  EXPECT_FALSE(covers("192.0.2.77/26", "192.0.2.128"));
  EXPECT_TRUE(covers("0.0.0.0/0", "255.0.0.1"));
  EXPECT_FALSE(covers("0.0.0.0/0", "::1"));
  EXPECT_TRUE(covers("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(covers("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(covers("any", "::1"));
}

TEST(AccessRule, IsWrittenAsItIsRead) {
  for (const char* text :
       {"any", "any k.", "192.0.2.1", "192.0.2.0/24 k.example.", "::1", "2001:db8::/32 k.",
        "any tls", "any k. tls", "::1 tls=p.", "192.0.2.0/24 k. tls=p.example."}) {
    EXPECT_EQ(parse_access_rule(text)->to_text(), text);
  }
  EXPECT_EQ(parse_access_rule("any K.Example")->to_text(), "any k.example.");
}

TEST(AccessRule, RefusesWhatItIsNot) {
  for (const char* text :
       {"", "anyone", "192.0.2.1@53", "192.0.2.1/33", "192.0.2.1/", "192.0.2.1/08", "::1/129",
        "192.0.2.1 ", "192.0.2.1 a..b", "192.0.2.1  k", " k", "k", "any tls k",
        "any tls=", "any tls tls", "any k k"}) {
    EXPECT_FALSE(parse_access_rule(text).has_value()) << text;
  }
}

TEST(Remote, HasAPortAndPerhapsAKey) {
  EXPECT_EQ(parse_remote("192.0.2.1")->to_text(), "192.0.2.1@53");
  EXPECT_EQ(parse_remote("::1@5300 K")->to_text(), "::1@5300 k.");
  EXPECT_EQ(parse_remote("::1@5300 K")->key, "k.");
  EXPECT_EQ(parse_remote("192.0.2.1 K tls=P")->to_text(), "192.0.2.1@853 k. tls=p.");
  EXPECT_EQ(parse_remote("::1@5300 tls=p")->tls.peer, "p.");
  EXPECT_TRUE(parse_remote("::1 k tls")->tls.required);
  for (const char* text : {"", "any", "192.0.2.0/24", "192.0.2.1@0", "192.0.2.1 k k"}) {
    EXPECT_FALSE(parse_remote(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace holdfast::config
