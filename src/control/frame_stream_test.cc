// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/frame_stream.h"

#include <fstrm.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <filesystem>

#include "base/file.h"

namespace holdfast::control {
namespace {

using Frames = std::vector<std::vector<uint8_t>>;

class FrameStreams : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-frames-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path_ = directory_ + "/stream";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  // Frames of a file, as libfstrm reads it.
  static Frames read_frames(const std::string& path) {
    fstrm_file_options* options = fstrm_file_options_init();
    fstrm_file_options_set_file_path(options, path.c_str());
    fstrm_reader* reader = fstrm_file_reader_init(options, nullptr);
    fstrm_file_options_destroy(&options);
    Frames frames;
    const uint8_t* data = nullptr;
    size_t size = 0;
    while (fstrm_reader_read(reader, &data, &size) == fstrm_res_success) {
      frames.emplace_back(data, data + size);
    }
    fstrm_reader_destroy(&reader);
    return frames;
  }

  std::string directory_;
  std::string path_;
};

TEST_F(FrameStreams, AFileReadsBackAndTheOneBeforeIsKept) {
  const Frames first{{1, 2, 3}, std::vector<uint8_t>(70'000, 9)};
  {
    FrameStream stream(FrameStream::File{path_}, "test");
    ASSERT_TRUE(stream.open());
    ASSERT_TRUE(stream.write(first));
  }
  EXPECT_EQ(read_frames(path_), first);
  {
    FrameStream stream(FrameStream::File{path_}, "test");
    ASSERT_TRUE(stream.open());
    ASSERT_TRUE(stream.write(Frames{{4}}));
  }
  EXPECT_EQ(read_frames(path_), (Frames{{4}}));
  EXPECT_EQ(read_frames(path_ + ".previous"), first);
}

TEST_F(FrameStreams, NobodyListeningIsAnErrorWithThePath) {
  FrameStream stream(FrameStream::UnixSocket{path_}, "test");
  const auto opened = stream.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, path_ + ": No such file or directory");
  EXPECT_FALSE(stream.is_open());
}

TEST_F(FrameStreams, ACollectorThatNeverAnswersHoldsUpForTheTimeoutOnly) {
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  FrameStream stream(FrameStream::UnixSocket{path_}, "test");
  const auto begun = std::chrono::steady_clock::now();
  const auto opened = stream.open();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, path_ + ": Connection timed out");
}

}  // namespace
}  // namespace holdfast::control
