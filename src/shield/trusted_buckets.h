// SPDX-License-Identifier: GPL-3.0-or-later
// Which sources a filter on a socket lets through unasked: a mark for each of 16,384 buckets.
//
// A classic filter can compute with 32 bits and remembers nothing, so it cannot read the history of
// sources. It is told buckets: by a keyed hash of the address (IPv6: its /64), those in which a
// source was seen lately that is known, proved or allowed. A stranger who falls into such a bucket
// is let through and judged as ever: with 3,000 known sources every sixth, with 10,000 nearly every
// other. Lies in memory that outlives the worker; one writer, the worker. Never allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "shield/source_layout.h"

namespace holdfast::shield {

constexpr uint32_t trusted_bucket_bits = 14;
constexpr size_t trusted_bucket_count = size_t{1} << trusted_bucket_bits;
constexpr size_t trusted_word_count = trusted_bucket_count / 32;

// Odd factors, so that each step is a bijection until the end.
struct BucketKey {
  uint32_t first = 1;
  uint32_t second = 1;
  uint32_t third = 1;

  [[nodiscard]] static BucketKey of(const __u64 key[4]) {
    return {.first = static_cast<uint32_t>(key[1]) | 1,
            .second = static_cast<uint32_t>(key[3] >> 32) | 1,
            .third = static_cast<uint32_t>(key[1] >> 32) | 1};
  }
};
constexpr uint32_t bucket_mix_shift = 15;

// `folded`: an IPv4 address, or what socket_filter.cc makes of an IPv6 one.
[[nodiscard]] constexpr uint32_t trusted_bucket(const BucketKey& key, uint32_t folded) {
  uint32_t mixed = folded * key.first;
  mixed ^= mixed >> bucket_mix_shift;
  return mixed * key.second >> (32 - trusted_bucket_bits);
}
[[nodiscard]] constexpr uint32_t fold_ipv6(const BucketKey& key, uint32_t first, uint32_t second) {
  return first * key.third ^ second;
}
// Of a word of shield_source_word.
[[nodiscard]] inline uint32_t trusted_bucket_of(const BucketKey& key, __u64 source_word) {
  const auto in_host_order = [](uint32_t word) {
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(word) : word;
  };
  const auto first = static_cast<uint32_t>(source_word >> 32);
  const uint32_t second = in_host_order(static_cast<uint32_t>(source_word));
  if (first == 0xffff) return trusted_bucket(key, second);
  return trusted_bucket(key, fold_ipv6(key, in_host_order(first), second));
}

class TrustedBuckets {
 public:
  // A source that has not been seen for so many slots is let through no longer.
  static constexpr uint32_t slots_kept = 64;

  void mark(uint32_t bucket, uint32_t slot) { seen_[bucket] = age_mark(slot); }
  // Bit i of word w: bucket 32 * w + i. Forgets what is too old; call it at least once in a hundred
  // slots.
  using Words = std::array<uint32_t, trusted_word_count>;
  void write(uint32_t slot, Words& words) {
    const uint32_t now = age_mark(slot);
    for (size_t word = 0; word < words.size(); ++word) {
      uint32_t bits = 0;
      for (size_t bit = 0; bit < 32; ++bit) {
        uint8_t& seen = seen_[word * 32 + bit];
        if (seen != 0 && (now + marks - seen) % marks > slots_kept) seen = 0;
        if (seen != 0) bits |= uint32_t{1} << bit;
      }
      words[word] = bits;
    }
  }

 private:
  static constexpr uint32_t marks = 255;
  static uint8_t age_mark(uint32_t slot) { return static_cast<uint8_t>(slot % marks + 1); }

  std::array<uint8_t, trusted_bucket_count> seen_;  // 0: never; else the slot, modulo 255, and one
};

}  // namespace holdfast::shield
