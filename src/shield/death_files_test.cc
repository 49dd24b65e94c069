// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/death_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <vector>

#include "base/check.h"
#include "base/file.h"

namespace holdfast::shield {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
namespace fs = std::filesystem;

class DeathFilesTest : public testing::Test {
 protected:
  DeathFilesTest() {
    std::string pattern = fs::temp_directory_path().string() + "/deaths-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
  }
  ~DeathFilesTest() override { fs::remove_all(directory_); }

  DeathEvidence evidence() {
    return {.unix_s = 1'790'000'000,
            .pid = 4711,
            .worker = 3,
            .signal = SIGSEGV,
            .client = *parse_endpoint("192.0.2.1@4242", 53),
            .packet = packet_,
            .likeness = likeness_of(packet_, {})};
  }

  std::string directory_;
  std::vector<uint8_t> packet_{1, 2, 0, 'A', 0xFF, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
};

TEST_F(DeathFilesTest, KeepsThePacketAndTellsAboutIt) {
  const DeathFiles files(directory_ + "/state/deaths");
  const auto path = files.write(evidence());
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_THAT(*path, EndsWith("/state/deaths/20260921T141320Z-4711.packet"));
  const auto content = read_file(*path, 1000);
  ASSERT_TRUE(content);
  EXPECT_EQ(*content, std::string(packet_.begin(), packet_.end()));
  const auto text = read_file(fs::path(*path).replace_extension(".txt"), 10000);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("time      2026-09-21T14:13:20Z\n"));
  EXPECT_THAT(*text, HasSubstr("worker    3, process 4711\n"));
  EXPECT_THAT(*text, HasSubstr("(SIGSEGV)"));
  EXPECT_THAT(*text, HasSubstr("client    192.0.2.1@4242 over UDP\n"));
  EXPECT_THAT(*text, HasSubstr("(bytes)\n"));
  EXPECT_THAT(*text, HasSubstr("refused   no"));
  EXPECT_THAT(*text, HasSubstr("0000  01 02 00 41 ff 06"));
  EXPECT_THAT(*text, HasSubstr("...A.."));
  EXPECT_THAT(*text, HasSubstr("0010  11 "));
}

TEST_F(DeathFilesTest, TellsWhatIsRefused) {
  DeathEvidence given = evidence();
  given.tcp = true;
  given.refusal = Refusal{.mark = given.likeness.marks[1], .until_ns = 1};
  given.refused_for_s = 300;
  const std::string text = evidence_to_text(given);
  EXPECT_THAT(text, HasSubstr("over TCP\n"));
  EXPECT_THAT(text, HasSubstr("(header) for 300 s\n"));
}

TEST_F(DeathFilesTest, TheOldestMakesRoom) {
  const DeathFiles files(directory_);
  DeathEvidence given = evidence();
  for (size_t i = 0; i < DeathFiles::evidence_max + 3; ++i, ++given.unix_s) {
    ASSERT_TRUE(files.write(given));
  }
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(directory_)) {
    ++count;
    EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr("T141322Z")));
  }
  EXPECT_EQ(count, 2 * DeathFiles::evidence_max);
  EXPECT_TRUE(fs::exists(directory_ + "/20260921T141323Z-4711.txt"));
}

TEST_F(DeathFilesTest, SaysWhereItCannotWrite) {
  CHECK(replace_file(directory_ + "/file", packet_, 0600).has_value());
  const auto path = DeathFiles(directory_ + "/file/deaths").write(evidence());
  ASSERT_FALSE(path);
  EXPECT_THAT(path.error().message, HasSubstr(directory_ + "/file"));
}

}  // namespace
}  // namespace holdfast::shield
