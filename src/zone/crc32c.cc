// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/crc32c.h"

#include <array>

namespace holdfast::zone {

namespace {

constexpr uint32_t polynomial_reflected = 0x82F63B78;
constexpr size_t stride = 8;

using Table = std::array<uint32_t, 256>;

// Table k holds what a byte contributes that is followed by k further bytes.
constexpr std::array<Table, stride> make_tables() {
  std::array<Table, stride> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1) ^ ((value & 1) != 0 ? polynomial_reflected : 0);
    }
    tables[0][byte] = value;
  }
  for (size_t k = 1; k < stride; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t shorter = tables[k - 1][byte];
      tables[k][byte] = (shorter >> 8) ^ tables[0][shorter & 0xFF];
    }
  }
  return tables;
}

constexpr std::array<Table, stride> tables = make_tables();

}  // namespace

uint32_t crc32c(Bytes bytes, uint32_t before) {
  uint32_t crc = ~before;
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= stride; left -= stride, at += stride) {
    const uint32_t first = crc ^ (uint32_t{at[0]} | uint32_t{at[1]} << 8 | uint32_t{at[2]} << 16 |
                                  uint32_t{at[3]} << 24);
    crc = tables[7][first & 0xFF] ^ tables[6][first >> 8 & 0xFF] ^ tables[5][first >> 16 & 0xFF] ^
          tables[4][first >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^
          tables[0][at[7]];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xFF];
  return ~crc;
}

}  // namespace holdfast::zone
