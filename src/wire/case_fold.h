// SPDX-License-Identifier: GPL-3.0-or-later
// ASCII case folding of several bytes at once (RFC 4343).
//
// Length bytes are below 64 and so never letters: whole labels may be folded and compared.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace holdfast::wire {

// Sets bit 5 of every byte that is an ASCII capital.
[[nodiscard]] inline uint64_t fold_case_word(uint64_t word) {
  constexpr uint64_t ones = 0x0101010101010101ULL;
  const uint64_t low_bits = word & (0x7F * ones);
  const uint64_t at_least_a = low_bits + ((0x80 - 'A') * ones);
  const uint64_t above_z = low_bits + ((0x80 - 'Z' - 1) * ones);
  const uint64_t capital = at_least_a & ~above_z & ~word & (0x80 * ones);
  return word | (capital >> 2);
}

template <typename Part>
[[nodiscard]] inline uint64_t load_part(const uint8_t* at) {
  Part part;
  std::memcpy(&part, at, sizeof part);
  return part;
}

// One to eight bytes as a little-endian number, from loads of fixed size that may overlap.
[[nodiscard]] inline uint64_t load_word(const uint8_t* at, size_t count) {
  if (count >= 4) {
    return load_part<uint32_t>(at) | load_part<uint32_t>(at + count - 4) << (8 * (count - 4));
  }
  if (count >= 2) {
    return load_part<uint16_t>(at) | load_part<uint16_t>(at + count - 2) << (8 * (count - 2));
  }
  return *at;
}

// True if `size` bytes are the same, case aside.
[[nodiscard]] inline bool equal_folded(const uint8_t* a, const uint8_t* b, size_t size) {
  if (a == b) return true;
  for (; size >= 8; size -= 8, a += 8, b += 8) {
    const auto word_a = load_part<uint64_t>(a);
    const auto word_b = load_part<uint64_t>(b);
    if (word_a != word_b && fold_case_word(word_a) != fold_case_word(word_b)) return false;
  }
  if (size == 0) return true;
  const uint64_t end_a = load_word(a, size);
  const uint64_t end_b = load_word(b, size);
  return end_a == end_b || fold_case_word(end_a) == fold_case_word(end_b);
}

}  // namespace holdfast::wire
