// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/parallel_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "wire/types.h"
#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

constexpr std::string_view head =
    "$ORIGIN example.com.\n$TTL 300\n@ IN SOA ns hostmaster ( 1 3600 900\n  604800 300 )\n"
    "@ NS ns\nns A 192.0.2.1\n";

std::string describe(const Contents& contents) {
  std::ostringstream out;
  Contents::Cursor cursor(contents);
  while (const StagedNode* node = cursor.next()) {
    out << node->owner.to_text() << " flags " << node->flags << "\n";
    for (const StagedRrset& rrset : node->rrsets) {
      out << "  " << wire::type_to_text(rrset.type) << " " << rrset.ttl << " line "
          << rrset.place.line << " copies " << rrset.dropped_copies;
      for (const Bytes& rdata : rrset.rdata) {
        out << " " << std::string(rdata.begin(), rdata.end());
      }
      out << "\n";
    }
  }
  return out.str();
}

class ParallelReaderTest : public testing::Test {
 protected:
  void write(const std::string& text) {
    std::ofstream file(path_, std::ios::binary);
    file << text;
  }
  [[nodiscard]] std::optional<std::string> read_in_parts_of(size_t bytes) {
    LoadOptions options;
    options.threads = 3;
    auto contents = read_in_parts(
        path_, apex_, options, {.file_bytes_min = 1, .head_bytes = 100, .part_bytes_min = bytes});
    if (!contents) return std::nullopt;
    EXPECT_TRUE(contents->finish().has_value());
    return describe(*contents);
  }
  [[nodiscard]] std::string read_by_one() {
    const LoadOutcome outcome = load_zone_file(path_, apex_, {});
    for (const Finding& finding : outcome.report.findings) {
      if (finding.severity == Severity::error) ADD_FAILURE() << finding.to_text();
    }
    return outcome.contents ? describe(*outcome.contents) : std::string();
  }
  // Whatever the parts, what is read is the same, or it is not read in parts. How often it was.
  size_t expect_same(const std::string& text) {
    write(text);
    const std::string expected = read_by_one();
    size_t read = 0;
    for (size_t bytes = 10; bytes < text.size(); bytes = bytes * 5 / 4 + 1) {
      const auto found = read_in_parts_of(bytes);
      if (!found) continue;
      EXPECT_EQ(*found, expected) << "parts of " << bytes << " bytes";
      ++read;
    }
    return read;
  }

  SampleFolder folder_;
  std::string path_ = folder_.file();
  wire::Name apex_ = sample_name("example.com.");
};

TEST_F(ParallelReaderTest, ReadsTheSameAsOneReader) {
  std::string text(head);
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i * 7919 % 300);
    text += "h" + number + " A 192.0.2." + std::to_string(i % 256) + "\n";
    if (i % 3 == 0) text += "  TXT \"; ( not a comment\" x ; ( a comment\n\n";
    if (i % 5 == 0) text += "h" + number + " 60 MX 10 ns.sub" + number + "\n";
  }
  EXPECT_GT(expect_same(text), 15U);
}

TEST_F(ParallelReaderTest, RecordsOverSeveralLinesAreNotTornApart) {
  std::string text(head);
  for (int i = 0; i < 60; ++i) {
    text += "h" + std::to_string(i) + " TXT ( one\ntwo A 192.0.2.1 \n three \"four\n\" )\n";
    text.replace(text.rfind("\"four\n\""), 7, "\"four\"");
  }
  expect_same(text);
  // As the only thing in a part, each line of it would be a record of its own.
  std::string tricky(head);
  for (int i = 0; i < 60; ++i) tricky += "a" + std::to_string(i) + " TXT (\nb TXT c\n)\n";
  expect_same(tricky);
}

TEST_F(ParallelReaderTest, WhatAFileChangesOnItsWayCounts) {
  std::string origins(head);
  std::string ttls(head);
  std::string owners(head);
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i);
    origins += "$ORIGIN o" + number + ".example.com.\nx A 192.0.2.1\ny A 192.0.2.2\n";
    ttls += "$TTL " + number + "\nh" + number + " A 192.0.2.1\ni" + number + " A 192.0.2.1\n";
    owners += "h" + number + " A 192.0.2.1\n A 192.0.2.2\n\tA 192.0.2.3\n";
  }
  expect_same(origins);
  expect_same(ttls);
  EXPECT_GT(expect_same(owners), 5U);
}

TEST_F(ParallelReaderTest, TtlsWithoutADefaultComeFromTheRecordBefore) {
  std::string stated(
      "@ 300 IN SOA ns hostmaster 1 3600 900 604800 300\n@ 300 NS ns\n"
      "ns 300 A 192.0.2.1\n");
  std::string inherited = stated;
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i);
    stated += "h" + number + " " + number + " A 192.0.2.1\n";
    inherited += "h" + number + (i % 10 == 0 ? " " + number : "") + " A 192.0.2.1\n";
  }
  EXPECT_GT(expect_same(stated), 5U);
  expect_same(inherited);
}

TEST_F(ParallelReaderTest, MistakesAndIncludesAreLeftToOneReader) {
  std::string text(head);
  for (int i = 0; i < 100; ++i) text += "h" + std::to_string(i) + " A 192.0.2.1\n";
  write(text);
  ASSERT_TRUE(read_in_parts_of(200).has_value());
  for (const char* line : {"x A 192.0.2.400\n", "x.example.org. A 192.0.2.1\n", "$INCLUDE x\n",
                           "$GENERATE\n", "x TXT ( a\n"}) {
    write(text + line);
    EXPECT_FALSE(read_in_parts_of(200).has_value()) << line;
    write(std::string(head) + line + text.substr(head.size()));
    EXPECT_FALSE(read_in_parts_of(200).has_value()) << line;
  }
}

TEST_F(ParallelReaderTest, SmallAndMissingFilesAreLeftToOneReader) {
  LoadOptions options;
  options.threads = 2;
  EXPECT_FALSE(read_in_parts(path_, apex_, options).has_value());
  write(std::string(head));
  EXPECT_FALSE(read_in_parts(path_, apex_, options).has_value());
}

}  // namespace
}  // namespace holdfast::zone
