// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/write_out_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/test_msync.h"
#include "zone/memory_samples.h"

namespace holdfast::control {
namespace {

using testing::HasSubstr;
using zone::Memory;

constexpr uint64_t ns_per_ms = 1'000'000;
constexpr const char* small_apex = "small.example.";

class WriteOutKeeping : public testing::Test {
 protected:
  void SetUp() override {
    zone::SampleZone small(small_apex);
    small.soa(1).a(small_apex, 1);
    ASSERT_TRUE(memory_.publish(small.finish(), nullptr).has_value());
    written_ = {};
  }
  void TearDown() override { written_ = {}; }
  // So that the file is large enough, in a zone of its own.
  void load_large() {
    constexpr size_t blob_bytes = 60'000;
    const std::string apex = "large" + std::to_string(++loads_) + ".example.";
    zone::SampleZone large(apex);
    large.soa(1);
    for (size_t i = 0; i * blob_bytes < WriteOutKeeper::file_bytes_min; ++i) {
      large.add("b" + std::to_string(i) + "." + apex, wire::type_null,
                std::vector<uint8_t>(blob_bytes, 7));
    }
    ASSERT_TRUE(memory_.publish(large.finish(), nullptr).has_value());
  }
  void change_small(uint32_t address) {
    ASSERT_TRUE(zone::amend_address(memory_, small_apex, small_apex, address).has_value());
    ASSERT_EQ(zone::address_of(memory_, small_apex, small_apex), address);
  }
  [[nodiscard]] std::string said_by_a_step() {
    testing::internal::CaptureStderr();
    EXPECT_FALSE(keeper_.step());
    return testing::internal::GetCapturedStderr();
  }

  zone::SampleFolder folder_;
  EpochBoard epochs_;
  ManualClock clock_;
  Memory memory_ = std::move(*Memory::open(zone::sample_options(folder_.file()), epochs_));
  WriteOutKeeper keeper_{memory_, clock_};
  MsyncCalls& written_ = msync_calls();
  int loads_ = 0;
};

TEST_F(WriteOutKeeping, AChangeWaitsForNoMoreThanOnePieceOfALargeZone) {
  load_large();
  size_t pieces = 0;
  for (bool has_more = true; has_more;) {
    has_more = keeper_.step();
    ASSERT_EQ(written_.calls.size(), ++pieces);
    EXPECT_LE(written_.calls.back().bytes, Memory::write_out_bytes);
    change_small(static_cast<uint32_t>(pieces));
    EXPECT_EQ(written_.calls.size(), pieces);
  }
  const uint64_t file_bytes = memory_.use().file_bytes;
  EXPECT_EQ(pieces, (file_bytes + Memory::write_out_bytes - 1) / Memory::write_out_bytes);
  EXPECT_LT(memory_.use().unwritten_bytes, Memory::write_out_bytes);
}

TEST_F(WriteOutKeeping, ASmallFileIsLeftToTheKernel) {
  for (uint32_t i = 0; i < 100; ++i) {
    change_small(i);
    EXPECT_FALSE(keeper_.step());
  }
  EXPECT_TRUE(written_.calls.empty());
}

TEST_F(WriteOutKeeping, OneChangeIsEnoughForARoundAndNoneForNone) {
  load_large();
  for (uint32_t i = 0; i < 3; ++i) {
    while (keeper_.step()) {
    }
    clock_.advance_ms(WriteOutKeeper::round_ns / ns_per_ms);
    EXPECT_FALSE(keeper_.step());
    change_small(i);
    EXPECT_TRUE(keeper_.step());
  }
}

TEST_F(WriteOutKeeping, WhereTheDiskIsSlowItHasNineTenthsOfTheTimeForOthers) {
  constexpr uint64_t step_ms = 2000;
  load_large();
  uint64_t took_ms = 0;
  while (keeper_.step()) {
    clock_.advance_ms(step_ms);
    took_ms += step_ms;
  }
  change_small(1);
  ASSERT_GT(WriteOutKeeper::rests_per_round * took_ms, WriteOutKeeper::round_ns / ns_per_ms);
  clock_.advance_ms(WriteOutKeeper::rests_per_round * took_ms - 1);
  EXPECT_FALSE(keeper_.step());
  clock_.advance_ms(1);
  EXPECT_TRUE(keeper_.step());
}

TEST_F(WriteOutKeeping, ARoundBeginsSomeTimeAfterTheOneBefore) {
  load_large();
  while (keeper_.step()) {
  }
  load_large();
  clock_.advance_ms(WriteOutKeeper::round_ns / ns_per_ms - 1);
  EXPECT_FALSE(keeper_.step());
  clock_.advance_ms(1);
  EXPECT_TRUE(keeper_.step());
}

TEST_F(WriteOutKeeping, AnErrorIsToldOnceAndTriedAgainAfterAMinute) {
  load_large();
  EXPECT_TRUE(keeper_.step());
  written_.error = EIO;
  EXPECT_THAT(said_by_a_step(), HasSubstr("memory-unwritten"));
  const size_t tries = written_.calls.size();
  clock_.advance_ms(WriteOutKeeper::retry_ns / ns_per_ms - 1);
  EXPECT_EQ(said_by_a_step(), "");
  EXPECT_EQ(written_.calls.size(), tries);
  clock_.advance_ms(1);
  written_.error = ENOMEM;  // the log leaves out what it has just said
  EXPECT_EQ(said_by_a_step(), "");
  EXPECT_EQ(written_.calls.size(), tries + 1);
  clock_.advance_ms(WriteOutKeeper::retry_ns / ns_per_ms);
  written_ = {};
  EXPECT_TRUE(keeper_.step());
  EXPECT_EQ(written_.calls.front().first, memory_.reader().base());
  while (keeper_.step()) {
  }
  load_large();
  clock_.advance_ms(WriteOutKeeper::round_ns / ns_per_ms);
  written_.error = ENOSPC;
  EXPECT_THAT(said_by_a_step(), HasSubstr("memory-unwritten"));
}

}  // namespace
}  // namespace holdfast::control
