// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/case_fold.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "wire/name.h"

namespace holdfast::wire {
namespace {

TEST(CaseFold, EveryByteInEveryPlace) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    for (unsigned place = 0; place < 8; ++place) {
      const uint64_t others = 0x415A5B4061007AFFULL & ~(uint64_t{0xFF} << (8 * place));
      const uint64_t folded = fold_case_word(others | uint64_t{byte} << (8 * place));
      EXPECT_EQ((folded >> (8 * place)) & 0xFF, to_lower(static_cast<uint8_t>(byte)));
    }
  }
}

TEST(CaseFold, ComparesAsByteByByte) {
  std::mt19937 random(5);
  size_t equal = 0;
  for (int round = 0; round < 20000; ++round) {
    const size_t size = random() % 40;
    std::vector<uint8_t> a(size);
    for (uint8_t& byte : a) byte = static_cast<uint8_t>("aAzZ@[`{\0\377"[random() % 10]);
    std::vector<uint8_t> b = a;
    if (size > 0 && random() % 4 != 0) b[random() % size] ^= 0x20;
    bool expected = true;
    for (size_t i = 0; i < size; ++i) expected = expected && to_lower(a[i]) == to_lower(b[i]);
    EXPECT_EQ(equal_folded(a.data(), b.data(), size), expected);
    equal += expected ? 1U : 0U;
  }
  EXPECT_GT(equal, 5000U);
  EXPECT_LT(equal, 19000U);
}

}  // namespace
}  // namespace holdfast::wire
