// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/name_sketch.h"

#include <gtest/gtest.h>

#include <cmath>

#include "wire/name_hash.h"

namespace holdfast::shield {
namespace {

// As zone memory hashes a name of the zone.
uint64_t hash_of(uint32_t number, const HashKey& key) {
  const auto name = wire::Name::from_text("n" + std::to_string(number) + ".example.org.");
  const wire::SuffixHashes hashes(name->view(), key);
  return hashes.of_last(hashes.label_count());
}

TEST(NameSketchTest, CountsNamesOfZonesWithinASeventh) {
  for (const uint32_t names : {1U, 2U, 5U, 20U, 80U, 150U, 400U, 2'000U, 50'000U}) {
    double squares = 0;
    constexpr uint32_t runs = 40;
    for (uint32_t run = 0; run < runs; ++run) {
      const HashKey key{0x1234567 + run, 0x9e3779b97f4a7c15 * (run + 1)};
      NameSketch sketch;
      for (uint32_t i = 0; i < names; ++i) {
        const uint64_t hash = hash_of(i, key);
        sketch.note(hash);
        sketch.note(hash);
      }
      const double error = sketch.estimate() / static_cast<double>(names) - 1;
      squares += error * error;
    }
    const double deviation = std::sqrt(squares / runs);
    EXPECT_LT(deviation, 0.18) << names;
    RecordProperty("deviation_permille_" + std::to_string(names),
                   static_cast<int>(deviation * 1000));
  }
}

TEST(NameSketchTest, RepeatsCountOnce) {
  NameSketch sketch;
  for (int i = 0; i < 100'000; ++i) sketch.note(hash_of(7, {1, 2}));
  EXPECT_EQ(sketch.estimate(), 1u);
}

TEST(NameSketchTest, TheMostAndTheLeastItCanTell) {
  NameSketch sketch;
  EXPECT_EQ(sketch.estimate(), 0u);
  uint64_t inverse = NameSketch::spread_by;  // modulo 2^64, by Newton's way
  for (int i = 0; i < 6; ++i) inverse *= 2 - NameSketch::spread_by * inverse;
  ASSERT_EQ(inverse * NameSketch::spread_by, 1u);
  for (uint64_t at = 0; at < NameSketch::registers; ++at) {
    sketch.note((at << 58) * inverse);  // the highest rank
  }
  EXPECT_GT(sketch.estimate(), 1'000'000'000u);
  sketch.clear();
  EXPECT_EQ(sketch.estimate(), 0u);
  sketch.note(hash_of(1, {1, 2}));
  EXPECT_EQ(sketch.estimate(), 1u);
}

}  // namespace
}  // namespace holdfast::shield
