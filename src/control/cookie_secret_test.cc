// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/cookie_secret.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace holdfast::control {
namespace {

class CookieSecretFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-cookie-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  [[nodiscard]] std::string path() const { return directory_ + "/cookie-secret"; }

  std::string directory_;
};

TEST_F(CookieSecretFile, IsMadeOnceAndReadableByItsOwnerAlone) {
  const auto first = keep_cookie_secret(directory_);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_NE(*first, exchange::CookieSecret{});
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const auto second = keep_cookie_secret(directory_);
  ASSERT_TRUE(second);
  EXPECT_EQ(*second, *first);
}

TEST_F(CookieSecretFile, ADamagedFileIsReportedAndLeftAlone) {
  std::ofstream(path()) << "not a secret\n";
  const auto secret = keep_cookie_secret(directory_);
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().message,
            path() + ": not 32 hexadecimal digits; remove the file to have a new one");
  EXPECT_EQ(std::filesystem::file_size(path()), 13U);
}

TEST_F(CookieSecretFile, ADirectoryThatIsNotThereIsAnErrorWithItsPath) {
  const auto secret = keep_cookie_secret(directory_ + "/gone");
  ASSERT_FALSE(secret);
  EXPECT_NE(secret.error().message.find(directory_ + "/gone"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::control
