// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/update_queue.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace holdfast::control {
namespace {

// The zone is gone by the time that its updates are made: SERVFAIL for each. Of zones that never
// were the answerer has told before.
class UpdateQueueTest : public testing::Test {
 protected:
  static std::string make_folder() {
    std::string pattern = testing::TempDir() + "holdfast-updates-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    return pattern;
  }
  ~UpdateQueueTest() override { std::filesystem::remove_all(directory_); }

  bool push() {
    transfer::Update update;
    update.message.zone = wire::Name::from_text("none.test").value();
    return queue_.push(std::move(update), [this](uint16_t rcode) { rcodes_.push_back(rcode); });
  }

  std::string directory_ = make_folder();
  EpochBoard epochs_;
  zone::Memory memory_ = zone::Memory::open({.path = directory_ + "/zones.mem",
                                             .bytes_max = uint64_t{1} << 30,
                                             .hash_key = {.low = 1, .high = 2}},
                                            epochs_)
                             .value();
  ZoneTable table_;
  ManualClock clock_;
  ZoneSet zones_{memory_, table_, directory_, clock_};
  TaskQueue tasks_;
  UpdateQueue queue_{zones_, tasks_};
  std::vector<uint16_t> rcodes_;
};

TEST_F(UpdateQueueTest, SoManyMayWaitAndEachIsAnsweredOnce) {
  for (size_t i = 0; i < UpdateQueue::updates_waiting_max; ++i) ASSERT_TRUE(push());
  EXPECT_FALSE(push());
  EXPECT_TRUE(rcodes_.empty());
  tasks_.run();
  EXPECT_EQ(rcodes_, std::vector<uint16_t>(UpdateQueue::updates_waiting_max, wire::rcode_servfail));
  EXPECT_TRUE(push()) << "there is room again";
  tasks_.run();
  EXPECT_EQ(rcodes_.size(), UpdateQueue::updates_waiting_max + 1);
}

}  // namespace
}  // namespace holdfast::control
