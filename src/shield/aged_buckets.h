// SPDX-License-Identifier: GPL-3.0-or-later
// A mark of when it was last seen for each of 8,192 hashed buckets, a byte each.
//
// Time is any number that rises by one now and then; ages are told modulo 255, so what is too old
// has to be forgotten at least once in a hundred units. Lies in memory that begins zeroed; one
// writer. Never allocates.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace holdfast::shield {

class AgedBuckets {
 public:
  static constexpr uint32_t bits = 13;
  static constexpr size_t count = size_t{1} << bits;
  static constexpr size_t word_count = count / 32;
  // Bit i of word w: bucket 32 * w + i.
  using Words = std::array<uint32_t, word_count>;
  [[nodiscard]] static bool has(const Words& words, uint32_t bucket) {
    return (words[bucket / 32] >> (bucket % 32) & 1) != 0;
  }

  void mark(uint32_t bucket, uint32_t time) { mark_as(bucket, age_mark(time)); }
  // The same in two steps, where much is marked at one time.
  [[nodiscard]] static uint8_t age_mark(uint32_t time) {
    return static_cast<uint8_t>(time % marks + 1);
  }
  void mark_as(uint32_t bucket, uint8_t mark) { seen_[bucket] = mark; }
  // Whether it was marked and not forgotten since.
  [[nodiscard]] bool has(uint32_t bucket) const { return seen_[bucket] != 0; }
  void forget_older(uint32_t time, uint32_t kept) {
    for (uint8_t& seen : seen_) {
      if (seen != 0 && age_of(seen, time) > kept) seen = 0;
    }
  }
  // Those that are not older.
  void write(uint32_t time, uint32_t kept, Words& words) const {
    for (size_t word = 0; word < words.size(); ++word) {
      uint32_t set = 0;
      for (size_t bit = 0; bit < 32; ++bit) {
        const uint8_t seen = seen_[word * 32 + bit];
        if (seen != 0 && age_of(seen, time) <= kept) set |= uint32_t{1} << bit;
      }
      words[word] = set;
    }
  }
  // How old the oldest may be so that no more than `most` are kept; those of this very unit always
  // are.
  [[nodiscard]] uint32_t age_of_youngest(size_t most, uint32_t time) const {
    std::array<uint32_t, marks> by_age{};
    for (const uint8_t seen : seen_) {
      if (seen != 0) ++by_age[age_of(seen, time)];
    }
    size_t sum = by_age[0];
    uint32_t age = 0;
    while (age + 1 < marks && sum + by_age[age + 1] <= most) sum += by_age[++age];
    return age;
  }
  void clear() { seen_ = {}; }

 private:
  static constexpr uint32_t marks = 255;
  static uint32_t age_of(uint8_t seen, uint32_t time) {
    return (age_mark(time) + marks - seen) % marks;
  }

  std::array<uint8_t, count> seen_;  // 0: never; else the time, modulo 255, and one
};

}  // namespace holdfast::shield
