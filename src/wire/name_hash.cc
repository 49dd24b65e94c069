// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/name_hash.h"

#include "wire/case_fold.h"

namespace holdfast::wire {

namespace {

// In line where all labels of a name are hashed.
inline uint64_t hash_on(uint64_t parent, const uint8_t* label, size_t bytes, const HashKey& key) {
  uint64_t state = parent;
  for (; bytes > 8; bytes -= 8, label += 8) {
    const uint64_t word = fold_case_word(load_part<uint64_t>(label));
    state = hash_mix(state ^ word, key.high ^ 0xA0761D6478BD642FULL);
  }
  const uint64_t word = fold_case_word(load_word(label, bytes));
  return hash_mix(state ^ word, key.low ^ 0xE7037ED1A0B428DBULL);
}

}  // namespace

uint64_t hash_of_child(uint64_t parent, Bytes label, const HashKey& key) {
  return hash_on(parent, label.data(), label.size(), key);
}

void SuffixHashes::compute(NameView name, const HashKey& key) {
  find_labels(name);
  compute_all(name, key);
}

void SuffixHashes::compute_all(NameView name, const HashKey& key) {
  hashes_[0] = hash_mix(key.low ^ 0x8EBC6AF09C88C6E3ULL, key.high ^ 0x589965CC75374CC3ULL);
  compute_above(0, name, key);
}

void SuffixHashes::find_labels(NameView name) {
  const uint8_t* bytes = name.data();
  size_t count = 0;
  size_t at = 0;
  for (; bytes[at] != 0; at += 1U + bytes[at]) offsets_[count++] = static_cast<uint8_t>(at);
  offsets_[count] = static_cast<uint8_t>(at);
  label_count_ = count;
}

void SuffixHashes::compute_from(const SuffixHashes& same, size_t labels, NameView name,
                                const HashKey& key) {
  for (size_t i = 0; i <= labels; ++i) hashes_[i] = same.hashes_[i];
  compute_above(labels, name, key);
}

void SuffixHashes::compute_above(size_t labels, NameView name, const HashKey& key) {
  uint64_t state = hashes_[labels];
  while (labels < label_count_) {
    const uint8_t* label = name.data() + offsets_[label_count_ - ++labels];
    state = hash_on(state, label, 1U + *label, key);
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
