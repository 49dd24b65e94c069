// SPDX-License-Identifier: GPL-3.0-or-later
// Which account a zone belongs to, for the workers: a table by the hash of the apex.
//
// Zones are grouped by the configuration; here an account is a number from 1 on, and 0 is none.
// Open addressing over 2^20 places of eight bytes, of which what is never touched costs nothing.
// One writer, control; workers read while it writes, and may miss a zone for that moment. Never
// allocates.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace holdfast::shield {

constexpr uint32_t accounts_max = 1023;

class AccountTable {
 public:
  static constexpr size_t places = size_t{1} << 20;
  static constexpr size_t zones_max = places * 3 / 4;

  // 0: it belongs to none.
  [[nodiscard]] uint32_t find(uint64_t apex_hash) const {
    for (size_t i = 0; i < probes_max; ++i) {
      const uint64_t word = words_[place_of(apex_hash, i)].load(std::memory_order_relaxed);
      if (word == 0) return 0;
      if ((word ^ apex_hash) >> number_bits == 0) return word & number_mask;
    }
    return 0;
  }

  void clear() {
    for (auto& word : words_) {
      if (word.load(std::memory_order_relaxed) != 0) word.store(0, std::memory_order_relaxed);
    }
  }
  // `account` from 1 to accounts_max. False if there is no room.
  bool enter(uint64_t apex_hash, uint32_t account) {
    const uint64_t entered = (apex_hash & ~number_mask) | account;
    for (size_t i = 0; i < probes_max; ++i) {
      auto& word = words_[place_of(apex_hash, i)];
      const uint64_t there = word.load(std::memory_order_relaxed);
      if (there != 0 && (there ^ apex_hash) >> number_bits != 0) continue;
      word.store(entered, std::memory_order_relaxed);
      return true;
    }
    return false;
  }

 private:
  static constexpr uint32_t number_bits = 10;
  static constexpr uint64_t number_mask = (uint64_t{1} << number_bits) - 1;
  static constexpr size_t probes_max = 64;
  static_assert(accounts_max == number_mask);

  static size_t place_of(uint64_t hash, size_t probe) {
    return ((hash >> number_bits) + probe) % places;
  }

  std::array<std::atomic<uint64_t>, places> words_;  // of the hash all but the lowest bits; number
};

}  // namespace holdfast::shield
