// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "zone/crc32c.h"
#include "zone/journal_samples.h"

namespace holdfast::zone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class JournalTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return folder_.file(); }
  [[nodiscard]] uint64_t file_size() const { return std::filesystem::file_size(path()); }

  static void append_whole(Journal& journal, const ModelZone& model, uint32_t serial) {
    SampleZone version = model.version(serial);
    const auto appended = journal.append_whole(version.finish(), serial);
    ASSERT_TRUE(appended.has_value()) << appended.error().message;
  }
  static void append_next(Journal& journal, const ModelZone& model, uint32_t serial) {
    SampleZone before = model.version(serial - 1);
    SampleZone after = model.version(serial);
    append_change(journal, before.finish(), after.finish(), serial - 1, serial);
  }
  static void expect_holds(Journal& journal, const ModelZone& model, uint32_t serial) {
    const wire::Name apex = sample_name(model.apex());
    EXPECT_TRUE(journal.holds(apex, serial));
    auto contents = journal.load(apex);
    ASSERT_TRUE(contents.has_value()) << contents.error().message;
    ASSERT_TRUE(contents->has_value());
    SampleZone expected = model.version(serial);
    EXPECT_EQ(zone_text(**contents), zone_text(expected.finish()));
  }

  SampleFolder folder_;
  ModelZone one_{"one.example.", 40};
  ModelZone two_{"two.example.", 3};
};

TEST(Crc32c, VectorsOfRfc3720) {
  const std::vector<uint8_t> zeros(32);
  const std::vector<uint8_t> ones(32, 0xFF);
  std::vector<uint8_t> ascending(32);
  for (size_t i = 0; i < ascending.size(); ++i) ascending[i] = static_cast<uint8_t>(i);
  EXPECT_EQ(crc32c(zeros), 0x8A9136AAU);
  EXPECT_EQ(crc32c(ones), 0x62A8AB43U);
  EXPECT_EQ(crc32c(ascending), 0x46DD794EU);
  const Bytes bytes(ascending);
  EXPECT_EQ(crc32c(bytes.subspan(11), crc32c(bytes.first(11))), 0x46DD794EU);
}

TEST_F(JournalTest, KeepsZonesAcrossOpening) {
  {
    Journal journal = open_journal(path());
    EXPECT_THAT(journal.warnings(), IsEmpty());
    append_whole(journal, one_, 7);
    append_whole(journal, two_, 1);
    append_whole(journal, two_, 2);
    expect_holds(journal, one_, 7);
    expect_holds(journal, two_, 2);
    ASSERT_TRUE(journal.sync().has_value());
  }
  Journal journal = open_journal(path());
  EXPECT_THAT(journal.warnings(), IsEmpty());
  expect_holds(journal, one_, 7);
  expect_holds(journal, two_, 2);
  EXPECT_FALSE(journal.holds(sample_name("ONE.example"), 8));
  EXPECT_TRUE(journal.holds(sample_name("ONE.example"), 7));
  EXPECT_FALSE(journal.load(sample_name("three.example"))->has_value());
}

TEST_F(JournalTest, AddsUpDifferences) {
  {
    Journal journal = open_journal(path());
    append_whole(journal, one_, 1);
    append_whole(journal, two_, 1);
    for (uint32_t serial = 2; serial <= 20; ++serial) {
      append_next(journal, one_, serial);
      if (serial < 9) append_next(journal, two_, serial);
    }
    expect_holds(journal, one_, 20);
    ASSERT_TRUE(journal.sync().has_value());
  }
  Journal journal = open_journal(path());
  expect_holds(journal, one_, 20);
  expect_holds(journal, two_, 8);
  append_next(journal, two_, 9);
  expect_holds(journal, two_, 9);
  std::vector<std::string> replayed;
  journal.replay([&](Contents&& contents) { replayed.push_back(contents.apex().to_text()); },
                 [](const std::string& complaint) { ADD_FAILURE() << complaint; });
  EXPECT_THAT(replayed, ElementsAre("one.example.", "two.example."));
}

TEST_F(JournalTest, ADifferenceThatIsNotCommittedLeavesNothing) {
  Journal journal = open_journal(path());
  append_whole(journal, one_, 1);
  const uint64_t size = journal.size_bytes();
  SampleZone large = ModelZone("one.example.", 100000).version(2);
  {
    Journal::Difference difference = journal.begin_difference(sample_name("one.example"), 1, 2);
    Contents::Cursor cursor(large.finish());
    while (const StagedNode* node = cursor.next()) difference.add(*node);
  }
  EXPECT_EQ(journal.size_bytes(), size);
  expect_holds(journal, one_, 1);
  ASSERT_TRUE(journal.sync().has_value());
  EXPECT_EQ(file_size(), size);
}

TEST_F(JournalTest, DifferencesOfSeveralZonesAreCommittedInAnyOrder) {
  Journal journal = open_journal(path());
  append_whole(journal, one_, 1);
  append_whole(journal, two_, 1);
  std::vector<Journal::Difference> open;
  for (const ModelZone* zone : {&one_, &two_}) {
    SampleZone before = zone->version(1);
    SampleZone after = zone->version(2);
    open.push_back(journal.begin_difference(sample_name(zone->apex()), 1, 2));
    for_each_change(before.finish(), after.finish(),
                    [&](const StagedNode& node) { open.back().add(node); });
  }
  ASSERT_TRUE(open[1].commit().has_value());
  expect_holds(journal, two_, 2);
  ASSERT_TRUE(open[0].commit().has_value());
  expect_holds(journal, one_, 2);
  // What it started from is gone.
  EXPECT_FALSE(open[0].commit().has_value());
  expect_holds(journal, one_, 2);
}

TEST_F(JournalTest, KeepsZonesOfManyFrames) {
  const ModelZone large("large.example.", 100000);
  {
    Journal journal = open_journal(path());
    append_whole(journal, two_, 1);
    append_whole(journal, large, 3);
    append_next(journal, large, 4);
    ASSERT_TRUE(journal.sync().has_value());
    EXPECT_GT(file_size(), 4U << 20);
  }
  Journal journal = open_journal(path());
  EXPECT_THAT(journal.warnings(), IsEmpty());
  expect_holds(journal, large, 4);
  expect_holds(journal, two_, 1);
}

TEST_F(JournalTest, ForgetsRemovedZones) {
  {
    Journal journal = open_journal(path());
    append_whole(journal, one_, 1);
    append_whole(journal, two_, 1);
    ASSERT_TRUE(journal.append_removed(sample_name("one.example")).has_value());
    const uint64_t size = journal.size_bytes();
    ASSERT_TRUE(journal.append_removed(sample_name("one.example")).has_value());
    EXPECT_EQ(journal.size_bytes(), size);
    EXPECT_FALSE(journal.load(sample_name("one.example"))->has_value());
    ASSERT_TRUE(journal.sync().has_value());
  }
  Journal journal = open_journal(path());
  EXPECT_FALSE(journal.load(sample_name("one.example"))->has_value());
  expect_holds(journal, two_, 1);
  append_whole(journal, one_, 5);
  expect_holds(journal, one_, 5);
}

TEST_F(JournalTest, KeepsNsec3OwnersApartFromNames) {
  const std::string hash = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";
  SampleZone zone("one.example.");
  zone.soa(1).nsec3param(0, {}).nsec3(hash, 0, {}).a(hash + ".one.example.", 1);
  Journal journal = open_journal(path());
  ASSERT_TRUE(journal.append_whole(zone.finish(), 1).has_value());
  {
    // The ordinary node goes, the NSEC3 owner stays.
    const wire::Name owner = sample_name(hash + ".one.example.");
    StagedNode removed;
    removed.owner = owner;
    removed.flags = node_removed;
    Journal::Difference difference = journal.begin_difference(sample_name("one.example"), 1, 2);
    difference.add(removed);
    ASSERT_TRUE(difference.commit().has_value());
  }
  const auto texts = zone_text(**journal.load(sample_name("one.example")));
  EXPECT_EQ(texts.size(), 2U);
  EXPECT_TRUE(texts.contains(hash + ".one.example. NSEC3"));
}

TEST_F(JournalTest, FollowsZoneMemory) {
  EpochBoard epochs;
  auto memory = Memory::open(sample_options(path() + ".memory"), epochs);
  ASSERT_TRUE(memory.has_value());
  Journal journal = open_journal(path());
  uint64_t state = 0;
  for (uint32_t serial = 1; serial <= 30; ++serial) {
    SampleZone version = one_.version(serial);
    const Contents& contents = version.finish();
    if (serial % 10 == 1) {
      ASSERT_TRUE(memory->publish(contents, nullptr).has_value());
      ASSERT_TRUE(journal.append_whole(contents, ++state).has_value());
    } else {
      Journal::Difference difference = journal.begin_difference(contents.apex(), state, state + 1);
      ++state;
      const auto change = [&](const StagedNode& node) { difference.add(node); };
      ASSERT_TRUE(memory->publish(contents, change).has_value());
      ASSERT_TRUE(difference.commit().has_value());
    }
    EXPECT_EQ(zone_text(**journal.load(contents.apex())), zone_text(contents)) << serial;
  }
}

TEST_F(JournalTest, CompactsWhatIsOutdated) {
  {
    Journal journal = open_journal(path(), 100000);
    append_whole(journal, two_, 1);
    append_whole(journal, ModelZone("gone.example.", 10), 1);
    ASSERT_TRUE(journal.append_removed(sample_name("gone.example")).has_value());
    append_whole(journal, one_, 1);
    uint32_t serial = 1;
    while (!journal.compaction_due()) append_next(journal, one_, ++serial);
    const uint64_t before = journal.size_bytes();
    EXPECT_GT(before, 100000U);
    ASSERT_TRUE(journal.compact().has_value());
    EXPECT_LT(journal.size_bytes(), before / 10);
    EXPECT_FALSE(journal.compaction_due());
    EXPECT_EQ(file_size(), journal.size_bytes());
    expect_holds(journal, one_, serial);
    expect_holds(journal, two_, 1);
    append_next(journal, one_, ++serial);
    ASSERT_TRUE(journal.sync().has_value());
    append_whole(journal, ModelZone("last.example.", 1), serial);
    ASSERT_TRUE(journal.sync().has_value());
    expect_holds(journal, one_, serial);
  }
  EXPECT_FALSE(std::filesystem::exists(path() + ".new"));
  Journal journal = open_journal(path());
  EXPECT_THAT(journal.warnings(), IsEmpty());
  expect_holds(journal, two_, 1);
  EXPECT_FALSE(journal.load(sample_name("gone.example"))->has_value());
}

TEST_F(JournalTest, IndexHoldsManyZones) {
  Journal journal = open_journal(path());
  constexpr uint32_t zones = 5000;
  for (uint32_t i = 0; i < zones; ++i) {
    append_whole(journal, ModelZone("z" + std::to_string(i) + ".example.", 1), i + 1);
  }
  for (uint32_t i = 0; i < zones; i += 2) {
    const wire::Name apex = sample_name("z" + std::to_string(i) + ".example.");
    ASSERT_TRUE(journal.append_removed(apex).has_value());
  }
  size_t replayed = 0;
  journal.replay([&](Contents&&) { ++replayed; },
                 [](const std::string& complaint) { ADD_FAILURE() << complaint; });
  EXPECT_EQ(replayed, zones / 2);
  expect_holds(journal, ModelZone("z4999.example.", 1), 5000);
}

TEST_F(JournalTest, KeepsAnotherKindOfFileAside) {
  std::ofstream(path()) << "something else, longer than a head of 16 bytes";
  Journal journal = open_journal(path());
  EXPECT_THAT(journal.warnings(), ElementsAre(HasSubstr("kept aside as " + path() + ".bad")));
  EXPECT_TRUE(std::filesystem::exists(path() + ".bad"));
  append_whole(journal, one_, 1);
  expect_holds(journal, one_, 1);
  EXPECT_FALSE(Journal::open({.path = "/nonexistent/journal"}).has_value());
}

}  // namespace
}  // namespace holdfast::zone
