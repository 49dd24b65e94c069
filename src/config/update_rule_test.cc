// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/update_rule.h"

#include <gtest/gtest.h>

#include "wire/types.h"

namespace holdfast::config {
namespace {

bool covers(const char* rule, const char* owner, uint16_t type = wire::type_a) {
  return parse_update_rule(rule).value().covers(wire::Name::from_text(owner).value(), type);
}

TEST(UpdateRule, CoversNames) {
  EXPECT_TRUE(covers("k", "a.example"));
  EXPECT_TRUE(covers("k any", "a.example"));
  EXPECT_TRUE(covers("Host.example self", "host.EXAMPLE"));
  EXPECT_FALSE(covers("host.example self", "a.host.example"));
  EXPECT_TRUE(covers("host.example under-self", "a.host.example"));
  EXPECT_FALSE(covers("host.example under-self", "example"));
  EXPECT_TRUE(covers("k name:a.example", "a.example"));
  EXPECT_FALSE(covers("k name:a.example", "b.a.example"));
  EXPECT_TRUE(covers("k under:a.example", "b.a.example"));
  EXPECT_FALSE(covers("k under:a.example", "ba.example"));
}

TEST(UpdateRule, CoversTypes) {
  EXPECT_TRUE(covers("k any A,TXT", "a.example"));
  EXPECT_TRUE(covers("k A,TXT", "a.example", wire::type_txt));
  EXPECT_FALSE(covers("k name:a.example A,TXT", "a.example", wire::type_mx));
  EXPECT_FALSE(covers("k name:b.example A", "a.example"));
  EXPECT_TRUE(covers("k TYPE65280", "a.example", 65280));
}

TEST(UpdateRule, IsWrittenAsItIsRead) {
  for (const char* text : {"k.", "k. self", "k. under-self A", "k. name:a.example. A,TXT",
                           "k. under:. TYPE65280", "k. MX"}) {
    EXPECT_EQ(parse_update_rule(text).value().to_text(), text);
  }
  EXPECT_EQ(parse_update_rule("K.test any TXT,A,A").value().to_text(), "k.test. A,TXT");
}

TEST(UpdateRule, RefusesWhatIsNone) {
  for (const char* text : {"", " ", "k ", "k  A", "k a", "k any A, TXT", "k name:", "k name:a..b",
                           "k A any", "k FOO", "k ANY", "k A,", "k self self", "a..b"}) {
    EXPECT_FALSE(parse_update_rule(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace holdfast::config
