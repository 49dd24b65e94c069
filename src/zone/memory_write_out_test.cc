// SPDX-License-Identifier: GPL-3.0-or-later
// Zone memory on its way to disk, piece by piece.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"
#include "base/test_msync.h"
#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

using testing::HasSubstr;

constexpr const char* apex = "large.example.";
constexpr uint32_t blobs = 200;
constexpr size_t blob_bytes = 60'000;
constexpr uint64_t mebibyte = uint64_t{1} << 20;

// Of the mapping of the file, what this process has changed and nobody written yet.
uint64_t changed_bytes(const std::string& path) {
  std::ifstream maps("/proc/self/smaps");
  uint64_t kib = 0;
  bool is_ours = false;
  for (std::string line; std::getline(maps, line);) {
    const bool is_head = line.find('-') < line.find(' ');
    if (is_head) is_ours = line.ends_with(path);
    if (is_ours && line.find("_Dirty:") != std::string::npos) {
      kib += std::stoull(line.substr(line.find(':') + 1));
    }
  }
  return kib << 10;
}

uint32_t state_of(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  layout::FileHeader header{};
  CHECK(::pread(fd.get(), &header, sizeof header, 0) == sizeof header);
  return header.state;
}

class MemoryWriteOutTest : public testing::Test {
 protected:
  void SetUp() override {
    SampleZone zone(apex);
    zone.soa(1).a(std::string("www.") + apex, 1);
    for (uint32_t i = 0; i < blobs; ++i) {
      zone.add("b" + std::to_string(i) + "." + apex, wire::type_null,
               std::vector<uint8_t>(blob_bytes, 7));
    }
    ASSERT_TRUE(memory_.publish(zone.finish(), nullptr).has_value());
    written_.calls.clear();
  }
  void TearDown() override { written_ = {}; }

  SampleFolder folder_;
  EpochBoard epochs_;
  Memory memory_ = std::move(*Memory::open(sample_options(folder_.file()), epochs_));
  MsyncCalls& written_ = msync_calls();
};

TEST_F(MemoryWriteOutTest, ARoundCoversTheFileInPieces) {
  const uint8_t* next = memory_.reader().base();
  const uint8_t* end = next + memory_.use().file_bytes;
  ASSERT_GT(memory_.use().file_bytes, 2 * Memory::write_out_bytes);
  size_t steps = 0;
  for (bool has_more = true; has_more;) {
    has_more = *memory_.write_out();
    ASSERT_EQ(written_.calls.size(), ++steps) << "one piece a step";
    const MsyncCall& call = written_.calls.back();
    EXPECT_EQ(call.flags, MS_SYNC);
    EXPECT_EQ(call.first, next);
    EXPECT_LE(call.bytes, Memory::write_out_bytes);
    next = call.first + call.bytes;
  }
  EXPECT_EQ(next, end);
}

TEST_F(MemoryWriteOutTest, WhatChangesDuringARoundIsForTheNext) {
  EXPECT_GT(memory_.use().unwritten_bytes, blobs * blob_bytes);
  EXPECT_LT(memory_.use().unwritten_bytes, 2 * blobs * blob_bytes);
  ASSERT_TRUE(*memory_.write_out());
  EXPECT_GT(memory_.use().unwritten_bytes, blobs * blob_bytes) << "until the round is whole";
  ASSERT_TRUE(amend_address(memory_, apex, std::string("www.") + apex, 2).has_value());
  EXPECT_EQ(address_of(memory_, apex, std::string("www.") + apex), 2U);
  while (*memory_.write_out()) {
  }
  EXPECT_GT(memory_.use().unwritten_bytes, 0U);
  EXPECT_LT(memory_.use().unwritten_bytes, mebibyte);
  while (*memory_.write_out()) {
  }
  EXPECT_EQ(memory_.use().unwritten_bytes, 0U);
}

TEST_F(MemoryWriteOutTest, TheLeastChangeAfterARoundCounts) {
  for (uint32_t i = 0; i < 20; ++i) {
    while (*memory_.write_out()) {
    }
    EXPECT_EQ(memory_.use().unwritten_bytes, 0U);
    ASSERT_TRUE(amend_address(memory_, apex, std::string("www.") + apex, 2 + i).has_value());
    EXPECT_GT(memory_.use().unwritten_bytes, 0U);
  }
}

TEST_F(MemoryWriteOutTest, AnErrorEndsTheRound) {
  ASSERT_TRUE(*memory_.write_out());
  const uint64_t unwritten_bytes = memory_.use().unwritten_bytes;
  written_.error = EIO;
  const auto refused = memory_.write_out();
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr(folder_.file()));
  EXPECT_EQ(memory_.use().unwritten_bytes, unwritten_bytes);
  written_ = {};
  while (*memory_.write_out()) {
  }
  EXPECT_EQ(written_.calls.front().first, memory_.reader().base()) << "begun anew";
  EXPECT_EQ(memory_.use().unwritten_bytes, 0U);
}

TEST_F(MemoryWriteOutTest, WhatTheKernelFailedToWriteIsWrittenAgain) {
  while (*memory_.write_out()) {
  }
  if (changed_bytes(folder_.file()) > 0) GTEST_SKIP() << "a file system that is never written";
  written_.error = EIO;
  EXPECT_FALSE(memory_.write_out().has_value());
  EXPECT_LT(changed_bytes(folder_.file()), Memory::write_out_bytes) << "the header alone";
  uint64_t changed = 0;
  // Of a machine that has much to write the kernel may write this just then.
  for (int i = 0; i < 100 && changed < Memory::write_out_bytes; ++i) {
    EXPECT_FALSE(memory_.write_out().has_value());
    changed = changed_bytes(folder_.file());
  }
  EXPECT_GE(changed, Memory::write_out_bytes);
  written_ = {};
  while (*memory_.write_out()) {
  }
  EXPECT_EQ(changed_bytes(folder_.file()), 0U);
  EXPECT_EQ(address_of(memory_, apex, std::string("www.") + apex), 1U);
}

TEST_F(MemoryWriteOutTest, AfterAnErrorTheFileIsNeverClosedForAnotherStartOfTheMachine) {
  written_.error = EIO;
  EXPECT_FALSE(memory_.write_out().has_value());
  written_ = {};
  while (*memory_.write_out()) {
  }
  EXPECT_THAT(memory_.close_clean().error().message, HasSubstr("could not be written to disk"));
  EXPECT_EQ(state_of(folder_.file()), layout::state_unwritten);
  // Nor by the next writer, which sees nothing of the error.
  {
    const Memory ended = std::move(memory_);
  }
  Memory next = std::move(*Memory::open(sample_options(folder_.file()), epochs_));
  EXPECT_EQ(next.origin(), Memory::Origin::kept_after_crash);
  ASSERT_TRUE(amend_address(next, apex, std::string("www.") + apex, 2).has_value());
  EXPECT_FALSE(next.close_clean().has_value());
  EXPECT_EQ(state_of(folder_.file()), layout::state_unwritten);
}

TEST_F(MemoryWriteOutTest, AnErrorWhenClosingIsKeptAsWell) {
  written_.error = EIO;
  EXPECT_FALSE(memory_.close_clean().has_value());
  written_ = {};
  EXPECT_FALSE(memory_.close_clean().has_value());
  EXPECT_EQ(state_of(folder_.file()), layout::state_unwritten);
}

TEST_F(MemoryWriteOutTest, NothingChangesBeforeTheDiskKnowsThatItDoes) {
  ASSERT_TRUE(memory_.close_clean().has_value());
  EXPECT_FALSE(*memory_.write_out()) << "it is written";
  written_.error = EIO;
  for (uint32_t i = 2; i < 4; ++i) {
    EXPECT_FALSE(amend_address(memory_, apex, std::string("www.") + apex, i).has_value());
  }
  EXPECT_EQ(state_of(folder_.file()), layout::state_closed_clean);
  written_ = {};
  EXPECT_TRUE(amend_address(memory_, apex, std::string("www.") + apex, 4).has_value());
  EXPECT_EQ(state_of(folder_.file()), layout::state_in_use);
}

TEST_F(MemoryWriteOutTest, WhatAWriterLeftBehindIsForTheNext) {
  {
    const Memory ended = std::move(memory_);
  }
  Memory next = std::move(*Memory::open(sample_options(folder_.file()), epochs_));
  EXPECT_GE(next.use().unwritten_bytes, next.use().file_bytes);
  while (*next.write_out()) {
  }
  EXPECT_EQ(next.use().unwritten_bytes, 0U);
}

}  // namespace
}  // namespace holdfast::zone
