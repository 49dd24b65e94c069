// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/name_hash.h"

namespace holdfast::wire {

namespace {

// Sets bit 5 of every byte that is an ASCII capital; eight bytes at once.
uint64_t fold_case_word(uint64_t word) {
  constexpr uint64_t ones = 0x0101010101010101ULL;
  const uint64_t low_bits = word & (0x7F * ones);
  const uint64_t at_least_a = low_bits + ((0x80 - 'A') * ones);
  const uint64_t above_z = low_bits + ((0x80 - 'Z' - 1) * ones);
  const uint64_t capital = at_least_a & ~above_z & ~word & (0x80 * ones);
  return word | (capital >> 2);
}

template <typename Part>
uint64_t load(const uint8_t* at) {
  Part part;
  std::memcpy(&part, at, sizeof part);
  return part;
}

// One to eight bytes as a little-endian number, from loads of fixed size that may overlap.
uint64_t load_word(const uint8_t* at, size_t count) {
  uint64_t word = 0;
  if (count >= 4) {
    word = load<uint32_t>(at) | load<uint32_t>(at + count - 4) << (8 * (count - 4));
  } else if (count >= 2) {
    word = load<uint16_t>(at) | load<uint16_t>(at + count - 2) << (8 * (count - 2));
  } else {
    word = *at;
  }
  return fold_case_word(word);
}

}  // namespace

uint64_t hash_of_child(uint64_t parent, Bytes label, const HashKey& key) {
  uint64_t state = parent;
  const uint8_t* at = label.data();
  size_t left = label.size();
  for (; left > 8; left -= 8, at += 8) {
    state = hash_mix(state ^ load_word(at, 8), key.high ^ 0xA0761D6478BD642FULL);
  }
  return hash_mix(state ^ load_word(at, left), key.low ^ 0xE7037ED1A0B428DBULL);
}

void SuffixHashes::compute(NameView name, const HashKey& key) {
  const Bytes bytes = name.bytes();
  size_t count = 0;
  size_t at = 0;
  for (; bytes[at] != 0; at += 1U + bytes[at]) offsets_[count++] = static_cast<uint8_t>(at);
  offsets_[count] = static_cast<uint8_t>(at);
  label_count_ = count;
  uint64_t state = hash_mix(key.low ^ 0x8EBC6AF09C88C6E3ULL, key.high ^ 0x589965CC75374CC3ULL);
  hashes_[0] = state;
  for (size_t labels = 1; labels <= count; ++labels) {
    const size_t start = offsets_[count - labels];
    state = hash_of_child(state, bytes.subspan(start, 1U + bytes[start]), key);
    hashes_[labels] = state;
  }
}

}  // namespace holdfast::wire
