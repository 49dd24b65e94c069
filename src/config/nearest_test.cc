// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/nearest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace holdfast::config {
namespace {

constexpr std::array<std::string_view, 5> known{"listen", "workers", "state", "user",
                                                "udp_payload_bytes_max"};

TEST(NearestWord, FindsWhatWasMeant) {
  EXPECT_EQ(nearest_word("lisen", known), "listen");     // left out
  EXPECT_EQ(nearest_word("liistenn", known), "listen");  // put in
  EXPECT_EQ(nearest_word("lizten", known), "listen");    // changed
  EXPECT_EQ(nearest_word("lsiten", known), "listen");    // swapped
  EXPECT_EQ(nearest_word("LISTEN", known), "listen");
  EXPECT_EQ(nearest_word("udp_payload_max", known), "udp_payload_bytes_max");
  EXPECT_EQ(nearest_word("worker", known), "workers");
}

TEST(NearestWord, IsEmptyIfNothingIsNear) {
  for (const char* word : {"", "zone", "x", "completely-different", "metrics"}) {
    EXPECT_EQ(nearest_word(word, known), "") << word;
  }
  EXPECT_EQ(nearest_word(std::string(10'000, 'l'), known), "");
}

TEST(NearestWord, CountsASwapAsOneStep) {
  constexpr std::array<std::string_view, 2> two{"abcdxy", "abdc"};
  EXPECT_EQ(nearest_word("abcd", two), "abdc");
}

}  // namespace
}  // namespace holdfast::config
