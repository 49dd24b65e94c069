// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/name_hash.h"

#include "wire/case_fold.h"

namespace holdfast::wire {

uint64_t hash_of_child(uint64_t parent, Bytes label, const HashKey& key) {
  uint64_t state = parent;
  const uint8_t* at = label.data();
  size_t left = label.size();
  for (; left > 8; left -= 8, at += 8) {
    state =
        hash_mix(state ^ fold_case_word(load_part<uint64_t>(at)), key.high ^ 0xA0761D6478BD642FULL);
  }
  return hash_mix(state ^ fold_case_word(load_word(at, left)), key.low ^ 0xE7037ED1A0B428DBULL);
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

uint64_t hash_before(Bytes labels, uint64_t suffix_hash, const HashKey& key) {
  std::array<uint8_t, labels_max> offsets;
  size_t count = 0;
  for (size_t at = 0; at < labels.size(); at += 1U + labels[at]) {
    offsets[count++] = static_cast<uint8_t>(at);
  }
  uint64_t state = suffix_hash;
  while (count > 0) {
    const size_t start = offsets[--count];
    state = hash_of_child(state, labels.subspan(start, 1U + labels[start]), key);
  }
  return state;
}

}  // namespace holdfast::wire
