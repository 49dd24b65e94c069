// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/name_filter.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <string>

namespace holdfast::shield {
namespace {

using Verdict = NameFilterWriter::Verdict;

wire::Name name(const std::string& text) { return *wire::Name::from_text(text); }

class NameFilterTest : public testing::Test {
 protected:
  NameFilterTest() {
    NameFilterWriter::set_key(*filter_, {0x1234567890abcdef, 0xfedcba0987654321});
  }

  [[nodiscard]] Verdict judge(const std::string& text) const {
    return NameFilterWriter::judge(*filter_, name(text).view());
  }
  int count_random_names_that_pass(size_t entries);

  std::unique_ptr<NameFilter> filter_ = std::make_unique<NameFilter>();
  NameFilterWriter writer_{*filter_};
};

TEST_F(NameFilterTest, NamesThatExistAreFoundInAnyCase) {
  writer_.begin();
  ASSERT_TRUE(writer_.begin_zone(name("Example.com.").view(), 3));
  for (const char* text : {"example.com.", "WWW.example.com.", "a.very.deep.name.example.com."}) {
    writer_.add_name(name(text).view());
  }
  EXPECT_EQ(judge("www.example.com."), Verdict::elsewhere) << "not shown yet";
  writer_.show();
  for (const char* text : {"EXAMPLE.com.", "www.eXample.com.", "A.very.deep.name.example.com."}) {
    EXPECT_EQ(judge(text), Verdict::exists) << text;
  }
  for (const char* text : {"ww.example.com.", "www.www.example.com.", "deep.name.example.com."}) {
    EXPECT_EQ(judge(text), Verdict::absent) << text;
  }
  for (const char* text :
       {"com.", "www.example.org.", "example.com.net.", "notexample.com.", "."}) {
    EXPECT_EQ(judge(text), Verdict::elsewhere) << text;
  }
}

// A label's bytes, each of which may be any.
wire::Name name_of(const std::string& label) {
  std::vector<uint8_t> bytes{static_cast<uint8_t>(label.size())};
  bytes.insert(bytes.end(), label.begin(), label.end());
  bytes.insert(bytes.end(), {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0});
  return wire::Name(wire::NameView(bytes));
}

// The highest bit of one word, and what its multiplication by any odd number leads to in the next.
TEST_F(NameFilterTest, NoNamesAreAlikeWhateverTheKey) {
  const std::string label(15, 'x');
  std::string other = label;
  for (const size_t octet : {7U, 11U, 15U}) {
    other[octet - 1] = static_cast<char>(static_cast<uint8_t>(other[octet - 1]) ^ 0x80U);
  }
  writer_.begin();
  ASSERT_TRUE(writer_.begin_zone(name("example.").view(), 1));
  writer_.add_name(name_of(label).view());
  writer_.show();
  EXPECT_EQ(NameFilterWriter::judge(*filter_, name_of(label).view()), Verdict::exists);
  EXPECT_EQ(NameFilterWriter::judge(*filter_, name_of(other).view()), Verdict::absent);
}

TEST_F(NameFilterTest, EachByteOfALabelIsItsOwnButForItsCase) {
  const auto folded = [](int byte) { return byte < 64 ? byte : byte | 32; };
  for (const size_t length : {1U, 7U, 8U, 9U, 16U, 63U}) {
    for (const size_t at : {size_t{0}, length / 2, length - 1}) {
      for (const uint8_t entered : std::to_array<uint8_t>({0, '-', '0', 'A', 'z', '_', 0xc4})) {
        std::string label(length, 'x');
        label[at] = static_cast<char>(entered);
        writer_.begin();
        ASSERT_TRUE(writer_.begin_zone(name("example.").view(), 1));
        writer_.add_name(name_of(label).view());
        writer_.show();
        for (int asked = 0; asked < 256; ++asked) {
          label[at] = static_cast<char>(asked);
          const Verdict expected =
              folded(asked) == folded(entered) ? Verdict::exists : Verdict::absent;
          ASSERT_EQ(NameFilterWriter::judge(*filter_, name_of(label).view()), expected)
              << length << " bytes, at " << at << ": " << int{entered} << ", " << asked;
        }
      }
    }
  }
}

TEST_F(NameFilterTest, ACoverStandsForAllBelowIt) {
  writer_.begin();
  ASSERT_TRUE(writer_.begin_zone(name("example.").view(), 3));
  writer_.add_name(name("example.").view());
  writer_.add_cover(name("child.example.").view());
  writer_.add_cover(name("a.b.example.").view());
  writer_.show();
  for (const char* text : {"child.example.", "x.child.example.", "a.b.c.d.CHILD.example.",
                           "a.b.example.", "x.y.a.b.example.", "example."}) {
    EXPECT_EQ(judge(text), Verdict::exists) << text;
  }
  for (const char* text : {"b.example.", "x.b.example.", "children.example."}) {
    EXPECT_EQ(judge(text), Verdict::absent) << text;
  }
}

TEST_F(NameFilterTest, ACoverAtTheApexLeavesNothingOut) {
  writer_.begin();
  ASSERT_TRUE(writer_.begin_zone(name("example.").view(), 1));
  writer_.add_cover(name("example.").view());
  writer_.show();
  EXPECT_EQ(judge("anything.at.all.example."), Verdict::exists);
}

TEST_F(NameFilterTest, CoversAtMoreDepthsThanAreProbedLeaveOutNothingThatExists) {
  writer_.begin();
  ASSERT_TRUE(writer_.begin_zone(name("example.").view(), 20));
  std::string text = "example.";
  std::vector<std::string> covers;
  for (int depth = 1; depth < 20; ++depth) {
    text = "d" + std::to_string(depth) + "." + text;
    covers.push_back(text);
    writer_.add_cover(name(text).view());
  }
  writer_.show();
  for (const std::string& cover : covers) EXPECT_EQ(judge("x." + cover), Verdict::exists) << cover;
  EXPECT_EQ(judge("x.example."), Verdict::absent);
  // The shallow one comes last: no depth above it is in use.
  writer_.begin();
  ASSERT_TRUE(writer_.begin_zone(name("example.").view(), 20));
  for (auto cover = covers.rbegin(); cover != covers.rend(); ++cover) {
    writer_.add_cover(name(*cover).view());
  }
  writer_.show();
  for (const std::string& cover : covers) EXPECT_EQ(judge("x." + cover), Verdict::exists) << cover;
}

TEST_F(NameFilterTest, ZonesThatDoNotFitAreNotJudged) {
  writer_.begin();
  EXPECT_FALSE(writer_.begin_zone(name("huge.example.").view(), 100'000'000));
  writer_.add_name(name("a.huge.example.").view());
  for (int i = 1; i < NAME_FILTER_ZONES_MAX; ++i) {
    EXPECT_TRUE(writer_.begin_zone(name("z" + std::to_string(i) + ".").view(), 1));
  }
  EXPECT_FALSE(writer_.begin_zone(name("more.").view(), 1));
  writer_.show();
  EXPECT_EQ(judge("b.huge.example."), Verdict::exists);
  EXPECT_EQ(judge("b.z1."), Verdict::absent);
  EXPECT_EQ(judge("b.more."), Verdict::elsewhere);
}

// Of 20,000 names that are there all are found; returns how many of as many random ones are, too.
int NameFilterTest::count_random_names_that_pass(size_t entries) {
  constexpr int names = 20'000;
  EXPECT_TRUE(writer_.begin_zone(name("example.").view(), entries));
  for (size_t i = 0; i < entries; ++i) {
    writer_.add_name(name("host" + std::to_string(i) + ".example.").view());
  }
  writer_.show();
  for (int i = 0; i < names; ++i) {
    EXPECT_EQ(judge("host" + std::to_string(i) + ".example."), Verdict::exists) << i;
  }
  std::mt19937_64 random(7);  // NOLINT: the same names each time
  int passed = 0;
  for (int i = 0; i < names; ++i) {
    if (judge("x" + std::to_string(random()) + ".example.") != Verdict::absent) ++passed;
  }
  return passed;
}

TEST_F(NameFilterTest, FewRandomNamesGetThroughWhereThereIsRoom) {
  writer_.begin();
  EXPECT_LT(count_random_names_that_pass(20'000), 20);
}

TEST_F(NameFilterTest, OneRandomNameInAHundredGetsThroughWhereThereIsLittle) {
  writer_.begin();
  ASSERT_TRUE(writer_.begin_zone(name("large.").view(), 3'000'000));
  const int passed = count_random_names_that_pass(200'000);
  EXPECT_LT(passed, 400);
  EXPECT_GT(passed, 20);
}

TEST_F(NameFilterTest, AnotherTableReplacesTheFirst) {
  for (const char* apex : {"first.", "second."}) {
    writer_.begin();
    ASSERT_TRUE(writer_.begin_zone(name(apex).view(), 1));
    writer_.show();
  }
  EXPECT_EQ(judge("a.first."), Verdict::elsewhere);
  EXPECT_EQ(judge("a.second."), Verdict::absent);
  writer_.suspend();
  EXPECT_EQ(judge("a.second."), Verdict::elsewhere);
}

}  // namespace
}  // namespace holdfast::shield
