// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/growth_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/check.h"

namespace holdfast::control {
namespace {

using testing::HasSubstr;

// As on a full disk: no file may grow beyond this.
class NoRoom {
 public:
  explicit NoRoom(uint64_t file_bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    CHECK(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    struct rlimit limited = before_;
    limited.rlim_cur = file_bytes;
    CHECK(::setrlimit(RLIMIT_FSIZE, &limited) == 0);
  }
  NoRoom(const NoRoom&) = delete;
  NoRoom& operator=(const NoRoom&) = delete;
  ~NoRoom() {
    CHECK(::setrlimit(RLIMIT_FSIZE, &before_) == 0);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  struct rlimit before_{};
  sighandler_t handler_;
};

class GrowthKeeping : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-growth-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto memory = zone::Memory::open({.path = directory_ + "/zones.mem",
                                      .bytes_max = uint64_t{1} << 30,
                                      .hash_key = {.low = 1, .high = 2},
                                      .growth_ahead = {.slots_min = 100, .disk_reserve_bytes = 0}},
                                     epochs_);
    ASSERT_TRUE(memory.has_value()) << memory.error().message;
    memory_ = std::make_unique<zone::Memory>(*std::move(memory));
    keeper_ = std::make_unique<GrowthKeeper>(*memory_, clock_);
  }
  void TearDown() override {
    memory_.reset();
    std::filesystem::remove_all(directory_);
  }
  void add_zone() {
    const auto apex = wire::Name::from_text("z" + std::to_string(zones_++) + ".example.");
    ASSERT_TRUE(memory_->publish_unavailable(*apex).has_value());
  }
  // Adds zones until a larger table for them has no place in the file, and the disk has none more;
  // what the log says meanwhile.
  [[nodiscard]] std::string postpone() {
    const uint64_t before = keeper_->postponed();
    testing::internal::CaptureStderr();
    while (keeper_->postponed() == before && zones_ < 1'000'000) {
      add_zone();
      const NoRoom no_room(memory_->use().file_bytes);
      while (keeper_->step()) {
      }
    }
    EXPECT_EQ(keeper_->postponed(), before + 1);
    return testing::internal::GetCapturedStderr();
  }

  EpochBoard epochs_;
  ManualClock clock_;
  std::string directory_;
  std::unique_ptr<zone::Memory> memory_;
  std::unique_ptr<GrowthKeeper> keeper_;
  int zones_ = 0;
};

TEST_F(GrowthKeeping, TakesStepsUntilALargerTableIsInService) {
  int steps = 0;
  while (memory_->use().tables_grown_ahead == 0) {
    ASSERT_LT(zones_, 1000);
    add_zone();
    while (keeper_->step()) ++steps;
  }
  EXPECT_GT(steps, 1);
  EXPECT_EQ(keeper_->postponed(), 0U);
  EXPECT_FALSE(keeper_->step());
}

TEST_F(GrowthKeeping, WithoutRoomTriesAgainAfterMinutesAndSaysSoOnce) {
  EXPECT_THAT(postpone(), HasSubstr("memory-growth-postponed"));
  const uint64_t grown = memory_->use().tables_grown_ahead;
  clock_.advance_ms(GrowthKeeper::retry_ns / 1'000'000 - 1);
  EXPECT_FALSE(keeper_->step());
  EXPECT_EQ(keeper_->postponed(), 1U);
  clock_.advance_ms(1);
  testing::internal::CaptureStderr();
  {
    const NoRoom no_room(memory_->use().file_bytes);
    EXPECT_FALSE(keeper_->step());
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(keeper_->postponed(), 2U);
  clock_.advance_ms(GrowthKeeper::retry_ns / 1'000'000);
  EXPECT_TRUE(keeper_->step()) << "there is room again";
  while (keeper_->step()) {
  }
  EXPECT_EQ(memory_->use().tables_grown_ahead, grown + 1);
  EXPECT_THAT(postpone(), HasSubstr("memory-growth-postponed"));
}

}  // namespace
}  // namespace holdfast::control
