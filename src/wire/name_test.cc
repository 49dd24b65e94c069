// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/name.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::wire {
namespace {

Name name(std::string_view text) {
  auto parsed = Name::from_text(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Name());
}

std::string long_label(size_t size) { return std::string(size, 'x'); }

TEST(Name, TextThereAndBack) {
  for (const char* text : {".", "com.", "www.Example.COM.", "a\\.b.c.", "a\\\\b.", "\\000\\255.",
                           "\\@\\$\\(\\)\\;.", "\\032.", "a\\034b.", "*.x."}) {
    EXPECT_EQ(name(text).view().to_text(), text);
  }
  EXPECT_EQ(name("a.b").view().to_text(), "a.b.");
  EXPECT_EQ(name("\\065.").view().to_text(), "A.");
}

TEST(Name, RefusesBadText) {
  for (const char* text : {"", "..", ".a", "a..b", "a\\", "a\\256.", "a\\25", "a\\2x."}) {
    EXPECT_FALSE(Name::from_text(text)) << text;
  }
}

TEST(Name, BoundsOfLabelsAndNames) {
  EXPECT_TRUE(Name::from_text(long_label(63) + "."));
  EXPECT_FALSE(Name::from_text(long_label(64) + "."));
  const std::string three = long_label(63) + "." + long_label(63) + "." + long_label(63) + ".";
  EXPECT_EQ(name(three + long_label(61)).view().size(), 255U);
  EXPECT_EQ(name(three + long_label(61) + ".").view().size(), 255U);
  EXPECT_FALSE(Name::from_text(three + long_label(62)));
  EXPECT_FALSE(Name::from_text(three + long_label(62) + "."));
  std::string labels;
  for (size_t i = 0; i < labels_max; ++i) labels += "a.";
  EXPECT_EQ(name(labels).view().label_count(), labels_max);
  EXPECT_FALSE(Name::from_text(labels + "a."));
}

TEST(Name, Parts) {
  const Name full = name("a.bc.d.");
  EXPECT_EQ(full.view().label_count(), 3U);
  EXPECT_EQ(full.view().first_label().size(), 1U);
  EXPECT_EQ(full.view().parent().to_text(), "bc.d.");
  EXPECT_EQ(full.view().without_labels(2).to_text(), "d.");
  EXPECT_EQ(full.view().without_labels(9).to_text(), ".");
  EXPECT_EQ(full.view().last_labels(2).to_text(), "bc.d.");
  EXPECT_EQ(full.view().last_labels(9).to_text(), "a.bc.d.");
  EXPECT_TRUE(Name().view().is_root());
  EXPECT_TRUE(name("*.d.").view().is_wildcard());
  EXPECT_FALSE(name("*a.d.").view().is_wildcard());
}

TEST(Name, ComparesWithoutCase) {
  EXPECT_EQ(name("A.b.").view(), name("a.B.").view());
  EXPECT_FALSE(name("a.b.").view() == name("a.c.").view());
  EXPECT_FALSE(name("[.").view() == name("{.").view());
}

TEST(Name, AtOrBelow) {
  const Name apex = name("Example.com.");
  EXPECT_TRUE(name("example.COM.").view().is_at_or_below(apex));
  EXPECT_TRUE(name("a.b.example.com.").view().is_at_or_below(apex));
  EXPECT_TRUE(apex.view().is_at_or_below(Name()));
  EXPECT_FALSE(name("com.").view().is_at_or_below(apex));
  EXPECT_FALSE(name("xexample.com.").view().is_at_or_below(apex));
  // The end of the bytes is equal, but within a label.
  EXPECT_FALSE(name("a\\007example\\003com.").view().is_at_or_below(apex));
}

TEST(Name, CanonicalOrder) {  // RFC 4034 §6.1
  const std::vector<const char*> ordered = {
      "example.",   "a.example.",       "yljkjljk.a.example.", "Z.a.example.",    "zABC.a.EXAMPLE.",
      "z.example.", "\\001.z.example.", "*.z.example.",        "\\200.z.example."};
  for (size_t i = 0; i < ordered.size(); ++i) {
    for (size_t j = 0; j < ordered.size(); ++j) {
      const int order = compare_canonical(name(ordered[i]), name(ordered[j]));
      EXPECT_EQ(order < 0, i < j) << ordered[i] << " " << ordered[j];
      EXPECT_EQ(order == 0, i == j) << ordered[i] << " " << ordered[j];
    }
  }
}

TEST(Name, Joins) {
  Name joined;
  const std::vector<uint8_t> prefix = {1, 'a'};
  ASSERT_TRUE(joined.assign_joined(prefix, name("b.")));
  EXPECT_EQ(joined.view().to_text(), "a.b.");
  ASSERT_TRUE(joined.assign_wildcard_of(joined));
  EXPECT_EQ(joined.view().to_text(), "*.a.b.");
  std::string labels;
  for (size_t i = 0; i < labels_max; ++i) labels += "a.";
  EXPECT_FALSE(joined.assign_wildcard_of(name(labels)));
  Name folded = name("AbC.Z.");
  folded.fold_case();
  EXPECT_EQ(folded.view().to_text(), "abc.z.");
}

// Reads at `position` of `message`.
std::pair<NameError, std::string> read(const std::vector<uint8_t>& message, size_t position,
                                       size_t expected_end = 0) {
  Name found;
  const NameError error = read_name(message, position, found);
  EXPECT_TRUE(error != NameError::none || position == expected_end) << position;
  return {error, found.view().to_text()};
}

TEST(Name, ReadsCompressedNames) {
  const std::vector<uint8_t> message = {1, 'c', 0, 1, 'b', 0xC0, 0, 1, 'a', 0xC0, 3};
  EXPECT_EQ(read(message, 0, 3), std::pair(NameError::none, std::string("c.")));
  EXPECT_EQ(read(message, 3, 7), std::pair(NameError::none, std::string("b.c.")));
  EXPECT_EQ(read(message, 7, 11), std::pair(NameError::none, std::string("a.b.c.")));
}

TEST(Name, RefusesWhatIsNoName) {
  EXPECT_EQ(read({}, 0).first, NameError::truncated);
  EXPECT_EQ(read({1}, 0).first, NameError::truncated);
  EXPECT_EQ(read({1, 'a'}, 0).first, NameError::truncated);
  EXPECT_EQ(read({0xC0}, 0).first, NameError::truncated);
  EXPECT_EQ(read({0x40, 0}, 0).first, NameError::bad_label);
  EXPECT_EQ(read({0x80, 0}, 0).first, NameError::bad_label);
  EXPECT_EQ(read({0xC0, 0}, 0).first, NameError::pointer_not_backwards);
  EXPECT_EQ(read({0xC0, 2, 0}, 0).first, NameError::pointer_not_backwards);
  EXPECT_EQ(read({1, 'a', 0xC0, 0}, 0).first, NameError::pointer_not_backwards);
  EXPECT_EQ(read({1, 'a', 0xC0, 0, 0xC0, 2}, 4).first, NameError::pointer_not_backwards);
}

TEST(Name, BoundsExpandedNames) {
  std::vector<uint8_t> message;
  for (int i = 0; i < 3; ++i) {
    message.push_back(63);
    message.insert(message.end(), 63, 'x');
  }
  message.push_back(0);
  const size_t second = message.size();
  message.insert(message.end(), {61});
  message.insert(message.end(), 61, 'y');
  message.insert(message.end(), {0xC0, 0});
  EXPECT_EQ(read(message, second, message.size()).first, NameError::none);
  message[second] = 62;
  message.insert(message.begin() + static_cast<ptrdiff_t>(second) + 1, 'y');
  EXPECT_EQ(read(message, second).first, NameError::too_long);
}

TEST(Name, SizeOfUncompressedNames) {
  const auto size_of = [](const std::vector<uint8_t>& bytes) {
    return uncompressed_name_size(bytes);
  };
  EXPECT_EQ(size_of({0}), 1U);
  EXPECT_EQ(size_of({1, 'a', 0, 9}), 3U);
  EXPECT_EQ(size_of({}), 0U);
  EXPECT_EQ(size_of({1, 'a'}), 0U);
  EXPECT_EQ(size_of({1, 'a', 0xC0, 0}), 0U);
  EXPECT_EQ(size_of({64, 0}), 0U);
  std::vector<uint8_t> longest(256, 1);
  longest[254] = 0;
  EXPECT_EQ(size_of(longest), 255U);
  longest[254] = 1;
  longest[255] = 0;
  EXPECT_EQ(size_of(longest), 0U);
}

}  // namespace
}  // namespace holdfast::wire
