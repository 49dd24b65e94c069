// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/shield_keeper.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/shared_memory.h"
#include "shield/history_file.h"

namespace holdfast::control {
namespace {

using shield::SourceHistory;

constexpr __u64 source = 77;

class ShieldKeeperTest : public testing::Test {
 protected:
  ShieldKeeperTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "keeperXXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    clock_.set_wall_s(uint64_t{500'000} * 3600 + 1800);
    keeper_.emplace(*memory_, *panel_, clock_, directory_);
  }
  ~ShieldKeeperTest() override { std::filesystem::remove_all(directory_); }

  void tick(uint32_t slot_s) {
    config_.shield.history_slot_s = slot_s;
    keeper_->tick(config_);
  }
  void see() { history_.learn({.hash = source, .hop = 60, .rate = 1}, memory_->common.slot); }
  [[nodiscard]] uint32_t slots_since_seen() const {
    return (memory_->common.slot - shield_slot(history_.find(source))) & 0xffU;
  }

  std::string directory_;
  ManualClock clock_;
  config::Config config_;
  SharedObject<shield::ShieldMemory> memory_ =
      *SharedObject<shield::ShieldMemory>::create("a test");
  SharedObject<exchange::Panel> panel_ = *SharedObject<exchange::Panel>::create("a test");
  SourceHistory history_{memory_->history};
  std::optional<ShieldKeeper> keeper_;
};

TEST_F(ShieldKeeperTest, SlotsOfAnotherLengthAreNotMoreOfThem) {
  for (int second = 0; second < 9; ++second) {
    tick(1);
    see();
    clock_.advance_ms(1000);
  }
  EXPECT_EQ(shield_score(history_.find(source)), 9U);
  tick(1);
  EXPECT_EQ(slots_since_seen(), 1U);
  tick(3600);
  EXPECT_EQ(slots_since_seen(), 1U) << "a reload is no time that has passed";
  see();
  for (int second = 0; second < 60; ++second) {
    clock_.advance_ms(1000);
    tick(3600);
    see();
  }
  EXPECT_EQ(shield_score(history_.find(source)), 10U) << "one slot more, however many seconds";
  clock_.advance_ms(3'600'000);
  tick(3600);
  EXPECT_EQ(slots_since_seen(), 1U);
}

TEST_F(ShieldKeeperTest, ControlThatIsStartedAnewCountsOn) {
  tick(1);
  see();
  keeper_.emplace(*memory_, *panel_, clock_, directory_);
  tick(3600);
  EXPECT_EQ(slots_since_seen(), 0U);
}

}  // namespace
}  // namespace holdfast::control
