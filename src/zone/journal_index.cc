// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/journal_index.h"

#include <sys/random.h>

#include "base/check.h"

namespace holdfast::zone {

namespace {

constexpr size_t slots_at_first = 64;

HashKey random_key() {
  HashKey key;
  CHECK(::getrandom(&key, sizeof key, 0) == sizeof key);
  return key;
}

}  // namespace

JournalIndex::JournalIndex() : key_(random_key()), slots_(slots_at_first) {}

uint64_t JournalIndex::hash_of(wire::NameView apex) const {
  wire::Name folded(apex);
  folded.fold_case();
  const uint64_t hash = hash_bytes(folded.view().bytes(), key_);
  return hash == 0 ? 1 : hash;
}

size_t JournalIndex::position_of(uint64_t hash) const {
  size_t position = hash & (slots_.size() - 1);
  while (slots_[position].hash != 0 && slots_[position].hash != hash) {
    position = (position + 1) & (slots_.size() - 1);
  }
  return position;
}

JournalChain& JournalIndex::at(wire::NameView apex) {
  if (used_ * 4 >= slots_.size() * 3) grow();
  const uint64_t hash = hash_of(apex);
  JournalChain& chain = slots_[position_of(hash)];
  if (chain.hash == 0) {
    chain.hash = hash;
    ++used_;
  }
  return chain;
}

const JournalChain* JournalIndex::find(wire::NameView apex) const {
  const JournalChain& chain = slots_[position_of(hash_of(apex))];
  return chain.last > 0 ? &chain : nullptr;
}

std::vector<JournalChain> JournalIndex::chains() const {
  std::vector<JournalChain> chains;
  for (const JournalChain& chain : slots_) {
    if (chain.last > 0) chains.push_back(chain);
  }
  return chains;
}

void JournalIndex::grow() {
  std::vector<JournalChain> before = std::move(slots_);
  size_t live = 0;
  for (const JournalChain& chain : before) live += chain.last > 0 ? 1 : 0;
  size_t size = slots_at_first;
  while (size < live * 2) size *= 2;
  slots_.assign(size, {});
  used_ = live;
  for (const JournalChain& chain : before) {
    if (chain.last > 0) slots_[position_of(chain.hash)] = chain;
  }
}

}  // namespace holdfast::zone
