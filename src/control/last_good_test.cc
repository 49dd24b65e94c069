// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/last_good.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "zone/loader.h"

namespace holdfast::control {
namespace {

class LastGoodOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "holdfast-last-good-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    open_memory();
  }
  void TearDown() override {
    last_good_.reset();
    memory_.reset();
    std::filesystem::remove_all(directory_);
  }
  void open_memory() {
    auto memory = zone::Memory::open({.path = directory_ + "/zones.mem",
                                      .bytes_max = uint64_t{1} << 30,
                                      .hash_key = {.low = ++key_, .high = 2}},
                                     epochs_);
    ASSERT_TRUE(memory) << memory.error().message;
    memory_ = std::make_unique<zone::Memory>(*std::move(memory));
  }
  void open() { last_good_ = std::make_unique<LastGood>(*memory_, directory_, clock_); }
  void lose_memory() {
    last_good_->maintain();
    last_good_.reset();
    memory_.reset();
    std::filesystem::remove(directory_ + "/zones.mem");
    open_memory();
    open();
  }
  std::string journal_path() const { return directory_ + "/zones.journal"; }

  void publish(uint32_t serial, const std::string& more = "") {
    const auto loaded =
        zone::load_zone_text("@ 3600 IN SOA ns root " + std::to_string(serial) +
                                 " 3600 600 86400 300\n@ 3600 IN NS ns.other.\n" + more,
                             "test", apex_, {});
    ASSERT_TRUE(loaded.contents);
    ASSERT_TRUE(last_good_->publish(*loaded.contents, "a test"));
  }
  // Records of what the journal gives back; 0: nothing.
  size_t restored_records() {
    const auto contents = last_good_->restore(apex_);
    return contents ? contents->record_count() : 0;
  }

  wire::Name apex_ = wire::Name::from_text("example.").value();
  uint64_t key_ = 0;
  EpochBoard epochs_;
  ManualClock clock_;
  std::string directory_;
  std::unique_ptr<zone::Memory> memory_;
  std::unique_ptr<LastGood> last_good_;
};

TEST_F(LastGoodOnDisk, EachVersionComesBackAfterZoneMemoryWasLost) {
  open();
  publish(1);
  EXPECT_EQ(restored_records(), 2U);
  publish(2, "a 60 IN A 192.0.2.1\nb 60 IN A 192.0.2.1\n");
  publish(3, "b 60 IN A 192.0.2.2\n");
  EXPECT_EQ(restored_records(), 3U);
  lose_memory();
  EXPECT_EQ(restored_records(), 3U);
  // A zone of a new memory is not taken for a continuation of the old one's.
  publish(9);
  lose_memory();
  EXPECT_EQ(restored_records(), 2U);
  EXPECT_EQ(last_good_->facts().errors, 0U);
}

TEST_F(LastGoodOnDisk, ADifferenceIsShorterThanTheWhole) {
  open();
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "h" + std::to_string(i) + " 60 IN A 192.0.2.1\n";
  publish(1, many);
  const uint64_t whole = last_good_->facts().bytes;
  publish(2, many);
  EXPECT_LT(last_good_->facts().bytes - whole, whole / 10);
  publish(2, many);
  EXPECT_EQ(restored_records(), 1002U);
}

TEST_F(LastGoodOnDisk, ARemovedZoneDoesNotComeBack) {
  open();
  publish(1);
  last_good_->remove(apex_);
  EXPECT_EQ(restored_records(), 0U);
  EXPECT_FALSE(memory_->find(apex_));
}

TEST_F(LastGoodOnDisk, AJournalThatCannotBeWrittenIsToldAndCaughtUpLater) {
  std::filesystem::create_directory(journal_path());
  open();
  EXPECT_EQ(last_good_->facts().errors, 1U);
  publish(1, "a 60 IN A 192.0.2.1\n");
  EXPECT_EQ(memory_->find(apex_)->serial(), 1U);
  EXPECT_NE(last_good_->facts().last_error.find(journal_path()), std::string::npos);
  std::filesystem::remove(journal_path());
  last_good_->maintain();
  EXPECT_EQ(restored_records(), 0U) << "not before its time";
  clock_.advance_ms(LastGood::retry_ns / 1'000'000);
  last_good_->maintain();
  EXPECT_EQ(restored_records(), 3U);
  EXPECT_EQ(last_good_->facts().last_error, "");
}

TEST_F(LastGoodOnDisk, ContentsOfAVersionAreThoseItWasMadeFrom) {
  open();
  publish(5, "a 60 IN A 192.0.2.1\na 60 IN A 192.0.2.2\n*.b.c 60 IN TXT \"x\" \"y\"\n");
  const auto contents = contents_of(*memory_->find(apex_));
  ASSERT_TRUE(contents) << contents.error().message;
  EXPECT_EQ(contents->record_count(), 5U);
  EXPECT_EQ(contents->node_count(), memory_->find(apex_)->node_count());
  const auto again = memory_->publish(*contents, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->nodes_written, 0U);
  EXPECT_EQ(again->nodes_removed, 0U);
}

}  // namespace
}  // namespace holdfast::control
