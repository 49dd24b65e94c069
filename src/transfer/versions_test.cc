// SPDX-License-Identifier: GPL-3.0-or-later
// Differences made, kept, and applied: difference_recorder.h, history.h, apply_differences.h.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "transfer/apply_differences.h"
#include "transfer/difference_recorder.h"
#include "transfer/history.h"
#include "zone/loader.h"
#include "zone/memory.h"

namespace holdfast::transfer {
namespace {

const std::string nsec3_owner = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";

class VersionsTest : public testing::Test {
 protected:
  VersionsTest() {
    std::string pattern = testing::TempDir() + "versionsXXXXXX";
    folder_ = mkdtemp(pattern.data());
    epochs_ = std::make_unique<EpochBoard>();
    memory_.emplace(*zone::Memory::open(
        {.path = folder_ + "/zones.mem", .bytes_max = uint64_t{1} << 28, .hash_key = {3, 5}},
        *epochs_));
  }
  ~VersionsTest() override {
    memory_.reset();
    std::filesystem::remove_all(folder_);
  }
  static std::string text(uint32_t serial, const std::string& more) {
    return "@ 300 SOA ns1 host " + std::to_string(serial) +
           " 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.1\n" + more;
  }
  // The difference that leads there from what was published before.
  std::optional<Difference> publish(uint32_t serial, const std::string& more,
                                    size_t bytes_max = 10'000) {
    auto loaded = zone::load_zone_text(text(serial, more), "test", apex_, {});
    EXPECT_TRUE(loaded.contents.has_value());
    const auto before = memory_->find(apex_);
    std::optional<DifferenceRecorder> recorder;
    if (before) recorder.emplace(*before, memory_->reader().hash_key(), bytes_max);
    EXPECT_TRUE(memory_
                    ->publish(*loaded.contents,
                              [&](const zone::StagedNode& node) {
                                if (recorder) recorder->add(node);
                              })
                    .has_value());
    return recorder ? recorder->take() : std::nullopt;
  }
  static std::vector<std::string> lines(const RecordList& list) {
    std::vector<std::string> texts;
    list.for_each([&](const ZoneRecord& record) {
      texts.push_back(record.owner.to_text() + " " + std::to_string(record.type) + " " +
                      std::to_string(record.ttl));
    });
    return texts;
  }
  std::vector<std::string> zone_lines() {
    std::vector<std::string> texts;
    const auto view = memory_->find(apex_);
    const auto add = [&](const ZoneRecord& record) {
      texts.push_back(record.owner.to_text() + std::to_string(record.type) +
                      std::string(record.rdata.begin(), record.rdata.end()));
    };
    for_each_soa(*view, add);
    for_each_record_but_soa(*view, add);
    return texts;
  }

  wire::Name apex_ = *wire::Name::from_text("example.test");
  std::string folder_;
  std::unique_ptr<EpochBoard> epochs_;
  std::optional<zone::Memory> memory_;
};

using Lines = std::vector<std::string>;

TEST_F(VersionsTest, RecordsWhatChanged) {
  EXPECT_FALSE(publish(1, "a A 192.0.2.2\nb A 192.0.2.3\nb A 192.0.2.4\nx.y A 192.0.2.9\n"));
  const auto difference = publish(2, "A A 192.0.2.2\nb A 192.0.2.4\nb A 192.0.2.5\nc 60 TXT new\n");
  ASSERT_TRUE(difference.has_value());
  EXPECT_EQ(difference->from, 1u);
  EXPECT_EQ(difference->to, 2u);
  EXPECT_EQ(lines(difference->removed),
            (Lines{"example.test. 6 300", "b.example.test. 1 300", "x.y.example.test. 1 300"}));
  EXPECT_EQ(lines(difference->added),
            (Lines{"example.test. 6 300", "b.example.test. 1 300", "c.example.test. 16 60"}));
}

TEST_F(VersionsTest, RecordsChangedTtlsAndNsec3) {
  const std::string parameters = "@ NSEC3PARAM 1 0 0 -\n";
  const std::string nsec3 = nsec3_owner + " NSEC3 1 0 0 - " + nsec3_owner + " NS SOA NSEC3PARAM\n";
  publish(1, parameters + nsec3 + "a 60 A 192.0.2.2\n");
  const auto changed = publish(2, parameters + nsec3_owner + " NSEC3 1 0 0 - " + nsec3_owner +
                                      " A NS SOA NSEC3PARAM\na 61 A 192.0.2.2\n");
  ASSERT_TRUE(changed.has_value());
  EXPECT_EQ(lines(changed->removed), (Lines{"example.test. 6 300", "a.example.test. 1 60",
                                            nsec3_owner + ".example.test. 50 300"}));
  EXPECT_EQ(lines(changed->added), (Lines{"example.test. 6 300", "a.example.test. 1 61",
                                          nsec3_owner + ".example.test. 50 300"}));
  const auto gone = publish(3, "a 61 A 192.0.2.2\n");
  ASSERT_TRUE(gone.has_value());
  EXPECT_EQ(lines(gone->removed).size(), 3u);
  EXPECT_EQ(lines(gone->added).size(), 1u);
}

TEST_F(VersionsTest, GivesUpWhatOthersCannotFollow) {
  publish(5, "");
  EXPECT_FALSE(publish(5, "a A 192.0.2.2\n").has_value());  // the same serial
  EXPECT_FALSE(publish(4, "").has_value());                 // an older one
  EXPECT_FALSE(publish(6, "a A 192.0.2.2\nb A 192.0.2.2\n", 40).has_value());
  EXPECT_TRUE(publish(7, "").has_value());
}

TEST_F(VersionsTest, AppliedDifferencesGiveTheNextVersion) {
  publish(1, "a A 192.0.2.2\nb A 192.0.2.3\nB MX 10 Mail.other.\n");
  std::vector<Difference> differences;
  differences.push_back(*publish(2, "b A 192.0.2.3\nb MX 20 mail.other.\nc.d A 192.0.2.4\n"));
  differences.push_back(*publish(3, "c.d A 192.0.2.5\n*.d TXT x\n"));
  const auto wanted = zone_lines();
  const auto old = zone::load_zone_text(
      text(1, "a A 192.0.2.2\nb A 192.0.2.3\nB MX 10 Mail.other.\n"), "test", apex_, {});
  ASSERT_TRUE(memory_->publish(*old.contents, {}).has_value());
  zone::Draft next(*memory_->find(apex_), memory_->reader().hash_key());
  ASSERT_TRUE(apply_differences(next, differences).has_value());
  const auto staged = zone::stage_draft(next);
  ASSERT_TRUE(staged.has_value());
  ASSERT_TRUE(memory_->amend(apex_, staged->nodes, {}).has_value());
  EXPECT_EQ(zone_lines(), wanted);
  // Once more they do not fit.
  zone::Draft once_more(*memory_->find(apex_), memory_->reader().hash_key());
  const auto again = apply_differences(once_more, differences);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().message,
            "a difference removes a SOA record of example.test., which is not there");
}

TEST_F(VersionsTest, HistoryLeadsFromVersionToVersion) {
  History history(folder_);
  publish(1, "");
  for (const uint32_t serial : {2U, 3U, 4U}) {
    const auto difference = publish(serial, "n" + std::to_string(serial) + " A 192.0.2.2\n");
    ASSERT_TRUE(history.add(apex_, &*difference, "file x", 1000 + serial).has_value());
  }
  // Another process reads what this one has written.
  const History again(folder_);
  for (const History* each : {static_cast<const History*>(&history), &again}) {
    const History& reader = *each;
    ASSERT_EQ(reader.list(apex_).size(), 3u);
    EXPECT_EQ(reader.list(apex_)[1].source, "file x");
    EXPECT_EQ(reader.list(apex_)[1].unix_s, 1003u);
    EXPECT_EQ(reader.list(apex_)[1].added, 2u);
    EXPECT_EQ(reader.chain(apex_, 1, 4).size(), 3u);
    EXPECT_EQ(reader.chain(apex_, 2, 3).size(), 1u);
    EXPECT_EQ(lines(reader.chain(apex_, 3, 4)[0].added),
              (Lines{"example.test. 6 300", "n4.example.test. 1 300"}));
    EXPECT_TRUE(reader.chain(apex_, 0, 4).empty());
    EXPECT_TRUE(reader.chain(apex_, 1, 5).empty());
    EXPECT_GT(reader.chain_bytes(apex_, 1, 4), reader.chain_bytes(apex_, 3, 4));
  }
}

TEST_F(VersionsTest, HistoryEndsWhereADifferenceIsMissing) {
  History history(folder_);
  publish(1, "");
  const auto second = publish(2, "");
  ASSERT_TRUE(history.add(apex_, &*second, "a", 0).has_value());
  ASSERT_TRUE(history.add(apex_, nullptr, "b", 0).has_value());
  EXPECT_TRUE(history.list(apex_).empty());
  publish(3, "");
  const auto fourth = publish(4, "");
  ASSERT_TRUE(history.add(apex_, &*second, "c", 0).has_value());
  ASSERT_TRUE(history.add(apex_, &*fourth, "d", 0).has_value());  // 2 does not lead to 3
  EXPECT_EQ(history.list(apex_).size(), 1u);
  EXPECT_TRUE(history.chain(apex_, 1, 4).empty());
  history.forget(apex_);
  EXPECT_TRUE(History(folder_).list(apex_).empty());
}

TEST_F(VersionsTest, ATornOrDamagedEndIsCutOff) {
  publish(1, "");
  const auto second = publish(2, "a A 192.0.2.2\n");
  const auto third = publish(3, "");
  const std::string path = folder_ + "/versions/example.test.";
  uint64_t whole = 0;
  {
    History history(folder_);
    ASSERT_TRUE(history.add(apex_, &*second, "a", 0).has_value());
    whole = std::filesystem::file_size(path);
    ASSERT_TRUE(history.add(apex_, &*third, "a", 0).has_value());
  }
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  History torn(folder_);
  EXPECT_EQ(torn.list(apex_).size(), 1u);
  EXPECT_EQ(std::filesystem::file_size(path), whole);
  ASSERT_TRUE(torn.add(apex_, &*third, "a", 0).has_value());
  EXPECT_EQ(History(folder_).chain(apex_, 1, 3).size(), 2u);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(whole) - 1).put('~');
  file.close();
  EXPECT_TRUE(History(folder_).list(apex_).empty());
}

TEST_F(VersionsTest, HistoryIsBounded) {
  History history(folder_);
  publish(1, "");
  for (uint32_t serial = 2; serial <= History::versions_max + 3; ++serial) {
    const auto difference = publish(serial, "");
    ASSERT_TRUE(history.add(apex_, &*difference, "a", 0).has_value());
    memory_->reclaim();
  }
  const auto versions = history.list(apex_);
  EXPECT_LE(versions.size(), History::versions_max);
  EXPECT_GE(versions.size(), History::versions_max / 2);
  EXPECT_EQ(versions.back().to, History::versions_max + 3);
  EXPECT_EQ(History(folder_).list(apex_).size(), versions.size());
  EXPECT_FALSE(history.chain(apex_, versions.front().from, versions.back().to).empty());
}

}  // namespace
}  // namespace holdfast::transfer
