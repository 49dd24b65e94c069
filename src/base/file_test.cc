// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace holdfast {
namespace {

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-file-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path_ = directory_ + "/file";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  static Bytes bytes_of(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
  }

  std::string directory_;
  std::string path_;
};

TEST_F(Files, ReadGivesTheWholeUpToTheBound) {
  std::ofstream(path_) << std::string(10'000, 'x');
  EXPECT_EQ(read_file(path_, 10'000).value_or(""), std::string(10'000, 'x'));
  const auto larger = read_file(path_, 9'999);
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error().message, path_ + ": 10000 bytes, more than the 9999 allowed");
  std::ofstream(path_, std::ios::trunc) << "";
  EXPECT_EQ(read_file(path_, 10).value_or("x"), "");
}

// Zone memory tells by the boot's id whether the machine has restarted.
TEST_F(Files, ReadGivesFilesOfProcThoughTheirSizeIsZero) {
  EXPECT_EQ(read_file("/proc/sys/kernel/random/boot_id", 4096).value_or("").size(), 37U);
  const auto bounded = read_file("/proc/self/status", 16);
  ASSERT_FALSE(bounded);
  EXPECT_EQ(bounded.error().message, "/proc/self/status: more than the 16 bytes allowed");
}

TEST_F(Files, ReadNamesWhatIsMissingOrNoFile) {
  EXPECT_EQ(read_file(path_, 10).error().message, path_ + ": No such file or directory");
  EXPECT_EQ(read_file(directory_, 10).error().message, directory_ + ": not a regular file");
}

TEST_F(Files, ReplaceLeavesTheOldContentWhenItFails) {
  ASSERT_TRUE(replace_file(path_, bytes_of("old"), 0600));
  ASSERT_TRUE(std::filesystem::create_directory(path_ + ".new"));
  EXPECT_FALSE(replace_file(path_, bytes_of("new"), 0600));
  EXPECT_EQ(read_file(path_, 10).value_or(""), "old");
  std::filesystem::remove(path_ + ".new");
  ASSERT_TRUE(replace_file(path_, bytes_of("new"), 0600));
  EXPECT_EQ(read_file(path_, 10).value_or(""), "new");
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace holdfast
