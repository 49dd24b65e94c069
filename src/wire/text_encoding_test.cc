// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/text_encoding.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast::wire {
namespace {

template <typename Append>
std::string encoded(std::string_view bytes, Append append) {
  const std::vector<uint8_t> copy(bytes.begin(), bytes.end());
  std::string text;
  append(text, copy);
  return text;
}

TEST(TextEncoding, Hex) {
  EXPECT_EQ(encoded("", append_hex), "");
  EXPECT_EQ(encoded("\x01\xAB\xFF", append_hex), "01ABFF");
}

TEST(TextEncoding, Base64) {  // RFC 4648 §10
  EXPECT_EQ(encoded("", append_base64), "");
  EXPECT_EQ(encoded("f", append_base64), "Zg==");
  EXPECT_EQ(encoded("fo", append_base64), "Zm8=");
  EXPECT_EQ(encoded("foo", append_base64), "Zm9v");
  EXPECT_EQ(encoded("foobar", append_base64), "Zm9vYmFy");
  EXPECT_EQ(encoded("\xFF\xFE\xFD", append_base64), "//79");
}

TEST(TextEncoding, ReadsBase64) {
  for (const char* text : {"", "f", "fo", "foo", "foobar", "\xFF\xFE\xFD"}) {
    const std::string_view bytes = text;
    const auto read = read_base64(encoded(bytes, append_base64));
    ASSERT_TRUE(read.has_value()) << text;
    EXPECT_EQ(std::string(read->begin(), read->end()), bytes);
  }
  EXPECT_EQ(read_base64("Zm 9v\tYmFy")->size(), 6U);
  for (const char* wrong : {"Z", "Zg", "Zg=", "Zh==", "Zg==Zg==", "Zm9v====", "Zm9-", "Zm=v"}) {
    EXPECT_FALSE(read_base64(wrong).has_value()) << wrong;
  }
}

TEST(TextEncoding, Base32Hex) {  // RFC 4648 §10
  EXPECT_EQ(encoded("f", append_base32hex), "CO");
  EXPECT_EQ(encoded("fo", append_base32hex), "CPNG");
  EXPECT_EQ(encoded("foobar", append_base32hex), "CPNMUOJ1E8");
}

TEST(TextEncoding, Quoted) {
  EXPECT_EQ(encoded("", append_quoted), "\"\"");
  EXPECT_EQ(encoded("a \"b\" \\ ;\x7F\t\xC3", append_quoted), R"("a \"b\" \\ ;\127\009\195")");
}

}  // namespace
}  // namespace holdfast::wire
