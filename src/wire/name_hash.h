// SPDX-License-Identifier: GPL-3.0-or-later
// One keyed hash for every suffix of a name, computed in one pass from the root leftwards.
//
// Zone memory looks zones and names up by these. Case is folded. Equal suffixes of different names
// have equal hashes under one key.
#pragma once

#include "base/hash.h"
#include "wire/name.h"

namespace holdfast::wire {

// The hash of a name from that of its parent and its first label, which includes its length byte.
[[nodiscard]] uint64_t hash_of_child(uint64_t parent, Bytes label, const HashKey& key);

class SuffixHashes {
 public:
  SuffixHashes() = default;
  SuffixHashes(NameView name, const HashKey& key) { compute(name, key); }

  void compute(NameView name, const HashKey& key);
  // The same in two steps: where the labels begin, which says how many there are; then the hashes:
  // all, or those of the last `labels` labels taken over from a name that shares these.
  void find_labels(NameView name);
  void compute_all(NameView name, const HashKey& key);
  void compute_from(const SuffixHashes& same, size_t labels, NameView name, const HashKey& key);

  // Labels without the root.
  [[nodiscard]] size_t label_count() const { return label_count_; }
  // Of the suffix that consists of the last `labels` labels; 0 is the root, label_count() the name.
  [[nodiscard]] uint64_t of_last(size_t labels) const { return hashes_[labels]; }
  // Where that suffix begins in the name's bytes.
  [[nodiscard]] size_t offset_of_last(size_t labels) const {
    return offsets_[label_count_ - labels];
  }

 private:
  void compute_above(size_t labels, NameView name, const HashKey& key);

  size_t label_count_ = 0;
  // Not cleared beforehand, on every question: only what compute() wrote means anything.
  std::array<uint8_t, labels_max + 1> offsets_;
  std::array<uint64_t, labels_max + 1> hashes_;
};

// The hash of the name that whole `labels` (no root label) make before a suffix of that hash.
[[nodiscard]] uint64_t hash_before(Bytes labels, uint64_t suffix_hash, const HashKey& key);

}  // namespace holdfast::wire
