// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/secret.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/load.h"
#include "config/print.h"

namespace holdfast::config {
namespace {

using ::testing::HasSubstr;

class SecretFile : public ::testing::Test {
 protected:
  SecretFile() {
    std::string pattern = testing::TempDir() + "holdfast-secret-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~SecretFile() override { std::filesystem::remove_all(folder_); }
  SecretFile(const SecretFile&) = delete;
  SecretFile& operator=(const SecretFile&) = delete;

  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream(folder_ + "/" + name) << content;
    return folder_ + "/" + name;
  }

  std::string folder_;
};

TEST(Secret, TextAndBytesAreTheSame) {
  const std::string text = "e5e973e5a6b2a43f48e7dc849e37bfcf";
  ASSERT_TRUE(secret_from_text(text));
  EXPECT_EQ(secret_to_text(*secret_from_text(text)), text);
  EXPECT_EQ((*secret_from_text(text))[0], 0xe5);
  for (const char* wrong :
       {"", "e5", "e5e973e5a6b2a43f48e7dc849e37bfcg", "e5e973e5a6b2a43f48e7dc849e37bfcf0",
        "0x0102030405060708090a0b0c0d0e0f"}) {
    EXPECT_FALSE(secret_from_text(wrong)) << wrong;
  }
}

TEST_F(SecretFile, IsReadWithTheConfigurationAndPrintedAsItsFile) {
  write("active", "e5e973e5a6b2a43f48e7dc849e37bfcf\n");
  const LoadOutcome outcome =
      parse_config("[cookies]\nactive_file = 'active'\n", "holdfast.toml", folder_);
  ASSERT_TRUE(outcome.config) << outcome.problems.to_text();
  EXPECT_EQ(secret_to_text(*outcome.config->cookies.active), "e5e973e5a6b2a43f48e7dc849e37bfcf");
  EXPECT_FALSE(outcome.config->cookies.staged);
  const std::string printed = print_toml(*outcome.config);
  EXPECT_THAT(printed, HasSubstr("active      = \"\"\n"));
  EXPECT_THAT(printed, HasSubstr("active_file = \"" + folder_ + "/active\"\n"));
  EXPECT_THAT(printed, Not(HasSubstr("e5e973")));
}

TEST_F(SecretFile, ThatIsMissingOrHoldsSomethingElseIsRefused) {
  const auto complaint = [&](const std::string& file) {
    return parse_config("[cookies]\nstaged_file = '" + file + "'\n", "holdfast.toml", folder_)
        .problems.to_text();
  };
  EXPECT_THAT(complaint("missing"), HasSubstr("holdfast.toml:2:15: cookies.staged_file: "));
  EXPECT_THAT(complaint("missing"), HasSubstr("No such file"));
  const std::string path = write("short", "e5e973\n");
  EXPECT_THAT(complaint(path), HasSubstr("expected a cookie secret of 32 hexadecimal digits"));
  EXPECT_THAT(complaint(path), Not(HasSubstr("e5e973")));
  EXPECT_THAT(complaint(write("blank", " \n")), HasSubstr("expected a cookie secret"));
  ASSERT_EQ(mkfifo((folder_ + "/pipe").c_str(), 0600), 0);  // must not wait for a writer
  EXPECT_THAT(complaint("pipe"), HasSubstr("not a regular file"));
  EXPECT_THAT(complaint(write("large", std::string(5000, 'a'))), HasSubstr("cookies.staged_file"));
}

TEST(Identity, AutomaticTextAndBytesAreResolved) {
  ServerSettings server;
  EXPECT_EQ(version_text(server) + hostname_text(server) + nsid_bytes(server), "");
  server.version = server.hostname = server.nsid = "auto";
  EXPECT_THAT(version_text(server), ::testing::StartsWith("holdfast "));
  EXPECT_NE(hostname_text(server), "");
  EXPECT_EQ(nsid_bytes(server), hostname_text(server));
  server.nsid = "0x00fFa1";
  EXPECT_EQ(nsid_bytes(server), std::string("\0\xff\xa1", 3));
  server.nsid = "ams-1";
  EXPECT_EQ(nsid_bytes(server), "ams-1");
}

}  // namespace
}  // namespace holdfast::config
