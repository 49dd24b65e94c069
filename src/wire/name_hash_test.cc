// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/name_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace holdfast::wire {
namespace {

constexpr HashKey key{.low = 0x0123456789ABCDEF, .high = 0xFEDCBA9876543210};

Name name(const std::string& text) { return Name::from_text(text).value(); }

TEST(NameHash, EqualSuffixesHaveEqualHashes) {
  const Name first = name("a.example.com.");
  const Name second = name("longer-label.b.EXAMPLE.Com.");
  const SuffixHashes one(first, key);
  const SuffixHashes other(second, key);
  EXPECT_EQ(one.label_count(), 3U);
  EXPECT_EQ(other.label_count(), 4U);
  for (size_t labels = 0; labels <= 2; ++labels) {
    EXPECT_EQ(one.of_last(labels), other.of_last(labels)) << labels;
  }
  EXPECT_NE(one.of_last(3), other.of_last(3));
}

TEST(NameHash, FoldsLettersAlone) {
  const auto hash = [](const std::string& text) {
    return SuffixHashes(name(text), key).of_last(1);
  };
  for (int byte = 0; byte < 256; ++byte) {
    const int folded = byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
    for (int other = 0; other < 256; ++other) {
      const int other_folded = other >= 'A' && other <= 'Z' ? other + 32 : other;
      const auto label = [](int value) {
        const std::string digits = std::to_string(1000 + value).substr(1);
        return "abcdefghi\\" + digits + "jklmnopqr.";
      };
      if (other > byte + 40) break;  // near neighbours include all pairs that differ in one bit
      EXPECT_EQ(hash(label(byte)) == hash(label(other)), folded == other_folded)
          << byte << " " << other;
    }
  }
}

TEST(NameHash, TellsWhereSuffixesBegin) {
  const Name full = name("ab.c.def.");
  const SuffixHashes hashes(full, key);
  EXPECT_EQ(hashes.offset_of_last(3), 0U);
  EXPECT_EQ(hashes.offset_of_last(2), 3U);
  EXPECT_EQ(hashes.offset_of_last(1), 5U);
  EXPECT_EQ(hashes.offset_of_last(0), 9U);
}

TEST(NameHash, TakesOverTheHashesOfASharedSuffix) {
  const Name first = name("a.Example.com.");
  const Name second = name("longer-label.b.example.Com.");
  const SuffixHashes one(first, key);
  const SuffixHashes whole(second, key);
  for (size_t shared = 0; shared <= 2; ++shared) {
    SuffixHashes other;
    other.find_labels(second);
    EXPECT_EQ(other.label_count(), 4U);
    other.compute_from(one, shared, second, key);
    for (size_t labels = 0; labels <= 4; ++labels) {
      EXPECT_EQ(other.of_last(labels), whole.of_last(labels)) << shared << " " << labels;
      EXPECT_EQ(other.offset_of_last(labels), whole.offset_of_last(labels));
    }
  }
}

TEST(NameHash, LabelBoundariesAndKeysMatter) {
  std::set<uint64_t> seen;
  for (const char* text : {"ab.c.", "a.bc.", "abc.", "a\\002bc.", "a.b.c."}) {
    const Name one = name(text);
    const SuffixHashes hashes(one, key);
    EXPECT_TRUE(seen.insert(hashes.of_last(hashes.label_count())).second) << text;
  }
  const Name one = name("example.com.");
  EXPECT_NE(SuffixHashes(one, key).of_last(2), SuffixHashes(one, HashKey{1, 2}).of_last(2));
  EXPECT_NE(SuffixHashes(one, key).of_last(0), SuffixHashes(one, HashKey{1, 2}).of_last(0));
}

TEST(NameHash, GoesOnFromASuffix) {
  const Name whole = name("www.Branch.example.com.");
  const SuffixHashes hashes(whole, key);
  const Bytes bytes = whole.view().bytes();
  for (size_t suffix = 0; suffix <= 4; ++suffix) {
    const Bytes labels = bytes.first(hashes.offset_of_last(suffix));
    EXPECT_EQ(hash_before(labels, hashes.of_last(suffix), key), hashes.of_last(4)) << suffix;
  }
}

TEST(NameHash, TheLongestName) {
  std::string text;
  for (size_t i = 0; i < labels_max; ++i) text += "a.";
  const Name longest = name(text);
  const SuffixHashes hashes(longest, key);
  EXPECT_EQ(hashes.label_count(), labels_max);
  EXPECT_EQ(hashes.offset_of_last(0), 254U);
}

}  // namespace
}  // namespace holdfast::wire
