// SPDX-License-Identifier: GPL-3.0-or-later
// Which sources a filter on a socket lets through unasked: by marks in hashed buckets.
//
// A classic filter can compute with 32 bits and remembers nothing, so it cannot read the history of
// sources. It is told buckets: by three keyed hashes of the address (IPv6: its /64), those in which
// a source was seen lately that is known, proved or allowed. A stranger who falls into such buckets
// of all three tables is let through and judged as ever: with 3,000 known sources one in 34, with
// 10,000 every third. A bucket from which more comes than its source may ask is flooded: nobody in
// it is let through unasked until some seconds after the last sign of it. Lies in memory that
// outlives the worker; one writer, the worker. Never allocates.
#pragma once

#include <cstddef>
#include <cstdint>

#include "shield/aged_buckets.h"
#include "shield/source_layout.h"

namespace holdfast::shield {

// Odd factors, so that each step is a bijection until the end.
struct BucketKey {
  static constexpr size_t tables_max = 3;
  uint32_t mix = 1;
  uint32_t fold = 1;
  std::array<uint32_t, tables_max> tables{1, 1, 1};

  [[nodiscard]] static BucketKey of(const __u64 key[4]) {
    const auto low = [](__u64 word) { return static_cast<uint32_t>(word) | 1; };
    const auto high = [](__u64 word) { return static_cast<uint32_t>(word >> 32) | 1; };
    return {.mix = low(key[1]),
            .fold = high(key[1]),
            .tables = {high(key[3]), low(key[3]), high(key[2])}};
  }
};
constexpr uint32_t bucket_mix_shift = 15;
[[nodiscard]] constexpr uint32_t mix_for_buckets(const BucketKey& key, uint32_t word) {
  const uint32_t mixed = word * key.mix;
  return mixed ^ mixed >> bucket_mix_shift;
}

// Where something falls that was mixed so, in each of `count` tables.
template <size_t count>
using BucketPlaces = std::array<uint32_t, count>;
template <size_t count>
[[nodiscard]] constexpr BucketPlaces<count> places_of(const BucketKey& key, uint32_t mixed) {
  static_assert(count <= BucketKey::tables_max);
  BucketPlaces<count> places{};
  for (size_t i = 0; i < count; ++i) places[i] = mixed * key.tables[i] >> (32 - AgedBuckets::bits);
  return places;
}

constexpr size_t source_tables = 3;
using SourcePlaces = BucketPlaces<source_tables>;
// `folded`: an IPv4 address, or what fold_ipv6 makes of an IPv6 one.
[[nodiscard]] constexpr SourcePlaces source_places(const BucketKey& key, uint32_t folded) {
  return places_of<source_tables>(key, mix_for_buckets(key, folded));
}
[[nodiscard]] constexpr uint32_t fold_ipv6(const BucketKey& key, uint32_t first, uint32_t second) {
  return first * key.fold ^ second;
}
// Of a word of shield_source_word.
[[nodiscard]] inline SourcePlaces source_places_of(const BucketKey& key, __u64 source_word) {
  const auto in_host_order = [](uint32_t word) {
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(word) : word;
  };
  const auto first = static_cast<uint32_t>(source_word >> 32);
  const uint32_t second = in_host_order(static_cast<uint32_t>(source_word));
  if (first == 0xffff) return source_places(key, second);
  return source_places(key, fold_ipv6(key, in_host_order(first), second));
}

class TrustedBuckets {
 public:
  // A source that has not been seen for so many slots is let through no longer.
  static constexpr uint32_t slots_kept = 64;
  // A bucket is flooded for so long after the last sign of it.
  static constexpr uint32_t flooded_s = 10;

  void mark(const SourcePlaces& at, uint32_t slot) { mark_as(at, AgedBuckets::age_mark(slot)); }
  void mark_as(const SourcePlaces& at, uint8_t mark) {
    for (size_t i = 0; i < source_tables; ++i) seen_[i].mark_as(at[i], mark);
  }
  void mark_flooded(const SourcePlaces& at, uint32_t now_s) { flooded_.mark(at[0], now_s); }
  [[nodiscard]] bool is_flooded(const SourcePlaces& at) const { return flooded_.has(at[0]); }
  // Call at least once in a hundred slots, and in a hundred seconds while buckets are flooded.
  void forget_old(uint32_t slot, uint32_t now_s) {
    for (AgedBuckets& table : seen_) table.forget_older(slot, slots_kept);
    flooded_.forget_older(now_s, flooded_s);
  }
  void forget_floods() { flooded_.clear(); }

  struct Words {
    std::array<AgedBuckets::Words, source_tables> seen{};
    AgedBuckets::Words flooded{};  // by the first table

    [[nodiscard]] bool are_trusted(const SourcePlaces& at) const {
      for (size_t i = 0; i < source_tables; ++i) {
        if (!AgedBuckets::has(seen[i], at[i])) return false;
      }
      return !AgedBuckets::has(flooded, at[0]);
    }
  };
  void write(uint32_t slot, uint32_t now_s, Words& words) const {
    for (size_t i = 0; i < source_tables; ++i) seen_[i].write(slot, slots_kept, words.seen[i]);
    flooded_.write(now_s, flooded_s, words.flooded);
  }

 private:
  std::array<AgedBuckets, source_tables> seen_;
  AgedBuckets flooded_;
};

}  // namespace holdfast::shield
