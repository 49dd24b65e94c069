// SPDX-License-Identifier: GPL-3.0-or-later
// The journal after a kill, a torn end, damaged bytes and a full disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <random>

#include "base/test_full_disk.h"
#include "zone/journal_samples.h"

namespace holdfast::zone {
namespace {

using testing::HasSubstr;

const ModelZone& model() {
  static const ModelZone model("z.", 3);
  return model;
}

std::map<std::string, std::string> text_of_version(uint32_t serial) {
  SampleZone zone = model().version(serial);
  return zone_text(zone.finish());
}

// Appends version after version, some whole, some as differences.
class Writer {
 public:
  explicit Writer(Journal& journal, uint32_t serial) : journal_(journal), serial_(serial) {}

  [[nodiscard]] bool append_next() {
    const wire::Name apex = sample_name(model().apex());
    SampleZone next = model().version(serial_ + 1);
    const Contents& contents = next.finish();
    if (serial_ % 5 != 0 && journal_.holds(apex, serial_)) {
      SampleZone before = model().version(serial_);
      Journal::Difference difference = journal_.begin_difference(apex, serial_, serial_ + 1);
      for_each_change(before.finish(), contents,
                      [&](const StagedNode& node) { difference.add(node); });
      if (!difference.commit()) return false;
    } else if (!journal_.append_whole(contents, serial_ + 1)) {
      return false;
    }
    ++serial_;
    return true;
  }
  [[nodiscard]] uint32_t serial() const { return serial_; }

 private:
  Journal& journal_;
  uint32_t serial_;
};

// The version that the journal holds, all of it; 0 if none.
uint32_t held_version(Journal& journal) {
  auto contents = journal.load(sample_name(model().apex()));
  if (!contents || !*contents) return 0;
  Contents::Cursor cursor(**contents);
  const StagedNode* apex = cursor.next();
  for (const StagedRrset& rrset : apex->rrsets) {
    if (rrset.type != wire::type_soa) continue;
    const uint32_t serial = load_be32(rrset.rdata[0].data() + rrset.rdata[0].size() - 20);
    EXPECT_EQ(zone_text(**contents), text_of_version(serial)) << "a mix of versions";
    EXPECT_TRUE(journal.holds(sample_name(model().apex()), serial));
    return serial;
  }
  ADD_FAILURE() << "no SOA";
  return 0;
}

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_all(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// A journal of some versions and the file sizes after each.
struct Sample {
  SampleFolder folder;
  std::string bytes;
  std::vector<size_t> ends{16};
};

void make_sample(Sample& sample, uint32_t versions) {
  Journal journal = open_journal(sample.folder.file());
  Writer writer(journal, 0);
  for (uint32_t i = 0; i < versions; ++i) {
    ASSERT_TRUE(writer.append_next());
    ASSERT_TRUE(journal.sync().has_value());
    sample.ends.push_back(journal.size_bytes());
  }
  sample.bytes = read_all(sample.folder.file());
  ASSERT_EQ(sample.bytes.size(), sample.ends.back());
}

TEST(JournalCrash, TornAtEveryLengthItHoldsTheLastWholeEntry) {
  Sample sample;
  make_sample(sample, 4);
  for (size_t length = 0; length <= sample.bytes.size(); ++length) {
    write_all(sample.folder.file(), sample.bytes.substr(0, length));
    uint32_t expected = 0;
    while (expected < 4 && sample.ends[expected + 1] <= length) ++expected;
    Journal journal = open_journal(sample.folder.file());
    ASSERT_EQ(held_version(journal), expected) << length;
    const bool torn = length > 16 && sample.ends[expected] != length;
    ASSERT_EQ(journal.warnings().size(), torn ? 1U : 0U) << length;
    if (torn) {
      EXPECT_THAT(journal.warnings()[0], HasSubstr("incomplete end"));
    }
    Writer writer(journal, expected);
    ASSERT_TRUE(writer.append_next());
    ASSERT_EQ(held_version(journal), expected + 1);
  }
}

TEST(JournalCrash, AFlippedBitCostsNoMoreThanItsEntryAndWhatBuildsOnIt) {
  Sample sample;
  make_sample(sample, 7);  // 1 and 6 are whole
  for (size_t at = 0; at < sample.bytes.size(); ++at) {
    std::string damaged = sample.bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    write_all(sample.folder.file(), damaged);
    Journal journal = open_journal(sample.folder.file());
    const uint32_t held = held_version(journal);
    EXPECT_FALSE(journal.warnings().empty()) << at;
    if (at < sample.ends[0]) {
      ASSERT_EQ(held, 0U) << at;  // not a journal
    } else if (at < sample.ends[5]) {
      ASSERT_EQ(held, 7U) << at;  // before the second whole one
    } else if (at < sample.ends[6]) {
      ASSERT_EQ(held, 5U) << at;  // in it: the difference to it is of no use
    } else {
      ASSERT_EQ(held, 6U) << at;
    }
  }
}

TEST(JournalCrash, BoundsItsWarnings) {
  Sample sample;
  make_sample(sample, 60);
  for (size_t i = 1; i < sample.ends.size(); ++i) sample.bytes[sample.ends[i] - 1] ^= 1;
  write_all(sample.folder.file(), sample.bytes);
  const Journal journal = open_journal(sample.folder.file());
  EXPECT_EQ(journal.warnings().size(), Journal::warnings_max);
}

TEST(JournalCrash, KilledAtAnyMomentItHoldsWhatWasSynced) {
  SampleFolder folder;
  std::mt19937 random(20261123);
  uint32_t serial = 0;
  for (int round = 0; round < 40; ++round) {
    int pipe_fds[2];
    ASSERT_EQ(::pipe(pipe_fds), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Journal journal = open_journal(folder.file(), 20000);
      Writer writer(journal, serial);
      while (true) {
        if (!writer.append_next() || !journal.sync()) ::_exit(1);
        const uint32_t synced = writer.serial();
        if (::write(pipe_fds[1], &synced, sizeof synced) != sizeof synced) ::_exit(1);
        if (journal.compaction_due() && !journal.compact()) ::_exit(1);
      }
    }
    ::close(pipe_fds[1]);
    uint32_t synced = serial;
    uint32_t seen = 0;
    while (::read(pipe_fds[0], &seen, sizeof seen) == sizeof seen) {  // until it writes
      synced = seen;
      if (random() % 4 == 0) break;
    }
    ::usleep(static_cast<useconds_t>(random() % 3000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed";
    while (::read(pipe_fds[0], &seen, sizeof seen) == sizeof seen) synced = seen;
    ::close(pipe_fds[0]);
    Journal journal = open_journal(folder.file());
    serial = held_version(journal);
    ASSERT_GE(serial, synced) << "round " << round;
  }
  EXPECT_GT(serial, 40U);
}

TEST(JournalCrash, AFullDiskLeavesItAsItWas) {
  SampleFolder folder;
  const ModelZone large("large.example.", 60000);
  SampleZone large_version = large.version(1);
  const Contents& large_contents = large_version.finish();
  Journal journal = open_journal(folder.file(), 0);
  Writer writer(journal, 0);
  ASSERT_TRUE(writer.append_next());
  ASSERT_TRUE(journal.sync().has_value());
  const uint64_t size = journal.size_bytes();
  {
    const FullDisk limit(size + (2U << 20));  // the first frames fit
    const auto appended = journal.append_whole(large_contents, 1);
    ASSERT_FALSE(appended.has_value());
    EXPECT_THAT(appended.error().message, HasSubstr(folder.file()));
    EXPECT_EQ(journal.size_bytes(), size);
    EXPECT_EQ(std::filesystem::file_size(folder.file()), size);
    EXPECT_FALSE(journal.holds(large_contents.apex(), 1));
    ASSERT_TRUE(writer.append_next()) << "a small one still fits";
    ASSERT_TRUE(journal.sync().has_value());
    EXPECT_EQ(held_version(journal), 2U);
  }
  {
    const FullDisk limit(journal.size_bytes() + 10);
    ASSERT_TRUE(writer.append_next()) << "into the buffer";
    EXPECT_FALSE(journal.sync().has_value());
    EXPECT_TRUE(journal.compaction_due()) << "what a failed sync leaves is not trusted";
  }
  {
    const FullDisk limit(100);
    EXPECT_FALSE(journal.compact().has_value());
    EXPECT_FALSE(std::filesystem::exists(folder.file() + ".new"));
  }
  ASSERT_TRUE(journal.compact().has_value());
  EXPECT_EQ(held_version(journal), 3U);
  ASSERT_TRUE(journal.append_whole(large_contents, 1).has_value());
  ASSERT_TRUE(journal.sync().has_value());
  Journal again = open_journal(folder.file());
  EXPECT_TRUE(again.warnings().empty());
  EXPECT_EQ(held_version(again), 3U);
  EXPECT_TRUE(again.holds(large_contents.apex(), 1));
}

}  // namespace
}  // namespace holdfast::zone
