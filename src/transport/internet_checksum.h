// SPDX-License-Identifier: GPL-3.0-or-later
// The Internet checksum (RFC 1071) over packet bytes.
//
// Sums are of native 16-bit words: the order of bytes does not matter as long as the result is
// stored as it is. Pure.
#pragma once

#include <cstring>

#include "base/bytes.h"

namespace holdfast::transport {

// Adds bytes to a sum that is not folded yet. Only the last part of a sum may have odd length.
[[nodiscard]] inline uint64_t add_to_sum(uint64_t sum, Bytes bytes) {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    sum += (word & 0xffffffff) + (word >> 32);
  }
  if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, at, left);
    sum += (word & 0xffffffff) + (word >> 32);
  }
  return sum;
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
