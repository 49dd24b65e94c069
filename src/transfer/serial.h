// SPDX-License-Identifier: GPL-3.0-or-later
// Serial numbers: their order (RFC 1982) and their place in a SOA.
#pragma once

#include "base/bytes.h"
#include "wire/name.h"

namespace holdfast::transfer {

[[nodiscard]] inline bool is_after(uint32_t a, uint32_t b) {
  return a != b && static_cast<int32_t>(a - b) > 0;
}
[[nodiscard]] inline bool is_at_or_after(uint32_t a, uint32_t b) {
  return a == b || is_after(a, b);
}

// The five numbers that end the RDATA of a SOA (RFC 1035 §3.3.13).
struct SoaNumbers {
  uint32_t serial = 0;
  uint32_t refresh_s = 0;
  uint32_t retry_s = 0;
  uint32_t expire_s = 0;
  uint32_t minimum_s = 0;
};

// That end its RDATA (RFC 1035 §3.3.13); the serial comes first.
constexpr size_t soa_numbers_bytes = 20;

// `rdata` is well formed.
[[nodiscard]] inline SoaNumbers soa_numbers(Bytes rdata) {
  ByteReader reader(rdata.last(soa_numbers_bytes));
  SoaNumbers numbers;
  numbers.serial = reader.read_u32();
  numbers.refresh_s = reader.read_u32();
  numbers.retry_s = reader.read_u32();
  numbers.expire_s = reader.read_u32();
  numbers.minimum_s = reader.read_u32();
  return numbers;
}

}  // namespace holdfast::transfer
