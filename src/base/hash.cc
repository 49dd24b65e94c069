// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/hash.h"

#include <bit>

#include "base/check.h"

namespace holdfast {

namespace {

uint64_t load_le64(const uint8_t* at) {
  uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  static_assert(std::endian::native == std::endian::little, "only little-endian machines");
  return value;
}

uint64_t load_le_partial(const uint8_t* at, size_t count) {
  uint64_t value = 0;
  std::memcpy(&value, at, count);
  return value;
}

struct SipState {
  uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

}  // namespace

uint64_t hash_bytes(Bytes bytes, const HashKey& key) {
  uint64_t state = key.low ^ (bytes.size() * 0x9E3779B97F4A7C15ULL);
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  while (left >= 8) {
    state = hash_mix(state ^ load_le64(at), key.high ^ 0xA0761D6478BD642FULL);
    at += 8;
    left -= 8;
  }
  if (left > 0) {
    state = hash_mix(state ^ load_le_partial(at, left), key.high ^ 0xE7037ED1A0B428DBULL);
  }
  return hash_mix(state ^ 0x8EBC6AF09C88C6E3ULL, key.low ^ key.high);
}

uint64_t siphash24(Bytes bytes, Bytes key_16_bytes) {
  CHECK(key_16_bytes.size() == 16);
  const uint64_t k0 = load_le64(key_16_bytes.data());
  const uint64_t k1 = load_le64(key_16_bytes.data() + 8);
  SipState state{k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL, k0 ^ 0x6c7967656e657261ULL,
                 k1 ^ 0x7465646279746573ULL};
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) state.absorb(load_le64(at));
  const uint64_t tail = left > 0 ? load_le_partial(at, left) : 0;
  state.absorb(tail | (static_cast<uint64_t>(bytes.size()) << 56));
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace holdfast
