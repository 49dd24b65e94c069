// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/key_secret.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"

namespace holdfast::config {
namespace {

std::string decode(std::string_view text) {
  const auto bytes = key_secret_from_text(text);
  return bytes ? std::string(bytes->begin(), bytes->end()) : "(none)";
}

TEST(KeySecret, IsBase64) {  // RFC 4648 §10
  EXPECT_EQ(decode("Zg=="), "f");
  EXPECT_EQ(decode("Zm8="), "fo");
  EXPECT_EQ(decode("Zm9v"), "foo");
  EXPECT_EQ(decode("Zm9vYmFy"), "foobar");
  for (const char* text : {"", "Z", "Zg", "Zg=", "====", "Z===", "Zg==Zg==", "Zm 9v", "Zm9v\n"}) {
    EXPECT_EQ(decode(text), "(none)") << text;
  }
  EXPECT_EQ(decode(std::string(4 * 171, 'A')), "(none)");
}

class KeyFile : public testing::Test {
 protected:
  ~KeyFile() override { unlink(path_.c_str()); }
  std::string read(std::string_view content) {
    EXPECT_TRUE(replace_file(
                    path_, {reinterpret_cast<const uint8_t*>(content.data()), content.size()}, 0600)
                    .has_value());
    const auto secret = read_key_secret_file(path_);
    return secret ? *secret : "error: " + secret.error().message;
  }
  std::string path_ = testing::TempDir() + "key_secret_test." + std::to_string(getpid());
};

TEST_F(KeyFile, HoldsASecretOrWhatBindWrites) {
  EXPECT_EQ(read("Zm9v\n"), "Zm9v");
  EXPECT_EQ(read("key \"k\" {\n\talgorithm hmac-sha256;\n\tsecret \"Zm9v\";\n};\n"), "Zm9v");
  EXPECT_EQ(read("key k { algorithm hmac-sha256; secret Zm9v; };"), "Zm9v");
}

TEST_F(KeyFile, IsRefusedWithoutShowingWhatItHolds) {
  const std::string answer = read("hunter2");
  EXPECT_TRUE(answer.starts_with("error: " + path_)) << answer;
  EXPECT_EQ(answer.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::config
