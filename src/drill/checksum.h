// SPDX-License-Identifier: GPL-3.0-or-later
// Shares of an internet checksum (RFC 1071): what single parts of a packet add to it, so that a
// packet's own is a sum of a few numbers.
#pragma once

#include "base/bytes.h"

namespace holdfast::drill {

// The sum of the 16-bit words, folded to below 2^16; an odd last byte counts as a word's first.
// Shares of parts that begin at even places may be added.
[[nodiscard]] inline uint32_t checksum_share(Bytes bytes) {
  uint64_t sum = 0;
  for (size_t at = 0; at < bytes.size(); at += 2) {
    sum += static_cast<uint64_t>(bytes[at]) << 8;
    if (at + 1 < bytes.size()) sum += bytes[at + 1];
  }
  while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<uint32_t>(sum);
}

}  // namespace holdfast::drill
