// SPDX-License-Identifier: GPL-3.0-or-later
// The Internet checksum (RFC 1071) over packet bytes.
//
// Sums are of native 16-bit words: the order of bytes does not matter as long as the result is
// stored as it is. Pure.
#pragma once

#include <bit>
#include <cstring>

#include "base/bytes.h"

namespace holdfast::transport {

[[nodiscard]] inline uint64_t load_sum_word(const uint8_t* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Adds bytes to a sum that is not folded yet. Only the last part of a sum may have odd length.
[[nodiscard]] inline uint64_t add_to_sum(uint64_t sum, Bytes bytes) {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  __uint128_t total = sum;  // its upper half counts what was carried out of the lower one
  for (; left >= 8; left -= 8, at += 8) total += load_sum_word(at);
  if (left > 0 && bytes.size() >= 8) {
    // The last eight bytes, without those that were added: to put the rest together byte by byte
    // and then load it as a word waits until its bytes have been stored.
    static_assert(std::endian::native == std::endian::little, "only little-endian machines");
    total += load_sum_word(at + left - 8) >> (8 * (8 - left));
  } else if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, at, left);
    total += word;
  }
  const auto low = static_cast<uint64_t>(total);
  return (low & 0xffffffff) + (low >> 32) + static_cast<uint64_t>(total >> 64);
}

// Sixteen bits, not inverted: 0xffff over data that holds its own right checksum.
[[nodiscard]] inline uint16_t fold_sum(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

}  // namespace holdfast::transport
