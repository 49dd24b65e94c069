// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/token_uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast {
namespace {

using testing::HasSubstr;

TEST(TokenUri, IsReadAndWritten) {
  const std::string text =
      "pkcs11:token=our%20keys;object=example.com;id=%01%FF?module-path=/usr/lib/a.so&"
      "pin-source=file:/etc/p%26in";
  const auto uri = TokenUri::from_text(text);
  ASSERT_TRUE(uri) << uri.error().message;
  EXPECT_EQ(uri->token, "our keys");
  EXPECT_EQ(uri->object, "example.com");
  EXPECT_EQ(uri->id, (std::vector<uint8_t>{1, 255}));
  EXPECT_EQ(uri->module, "/usr/lib/a.so");
  EXPECT_EQ(uri->pin_file, "/etc/p&in");
  EXPECT_TRUE(uri->names_key());
  EXPECT_EQ(uri->to_text(), text);
}

TEST(TokenUri, MayNameATokenAlone) {
  const auto uri = TokenUri::from_text("pkcs11:module-path=/m.so;token=t;type=private");
  ASSERT_TRUE(uri) << uri.error().message;
  EXPECT_FALSE(uri->names_key());
  EXPECT_EQ(uri->to_text(), "pkcs11:token=t?module-path=/m.so");
}

TEST(TokenUri, WhatIsWrongIsTold) {
  const auto complaint = [](std::string_view text) {
    const auto uri = TokenUri::from_text(text);
    return uri ? std::string() : uri.error().message;
  };
  EXPECT_THAT(complaint("token=t"), HasSubstr("is no token; expected pkcs11:"));
  EXPECT_THAT(complaint("pkcs11:token=t"), HasSubstr("no module-path=FILE"));
  EXPECT_THAT(complaint("pkcs11:token=t?module-path=a.so"), HasSubstr("with a full path"));
  EXPECT_THAT(complaint("pkcs11:object=a?module-path=/m"), HasSubstr("no token=NAME"));
  EXPECT_THAT(complaint("pkcs11:token=t?module-path=/m&pin-value=1"), HasSubstr("holds a secret"));
  EXPECT_THAT(complaint("pkcs11:token=t;serial=1?module-path=/m"), HasSubstr("not understood"));
  EXPECT_THAT(complaint("pkcs11:token"), HasSubstr("expected NAME=VALUE"));
  EXPECT_THAT(complaint("pkcs11:token=%4"), HasSubstr("hexadecimal"));
  EXPECT_THAT(complaint("pkcs11:token=%4g"), HasSubstr("hexadecimal"));
}

}  // namespace
}  // namespace holdfast
