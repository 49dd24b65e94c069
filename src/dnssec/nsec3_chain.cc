// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/nsec3_chain.h"

#include <algorithm>

#include "base/check.h"
#include "dnssec/type_bitmap.h"

namespace holdfast::dnssec {

namespace {

constexpr uint8_t flag_opt_out = 1;

}  // namespace

void Nsec3Chain::add(wire::NameView owner, std::vector<uint16_t>& types) {
  for (const wire::Name& empty : waiting_) {
    if (owner.is_at_or_below(empty)) entries_.push_back({nsec3_hash(empty, {}, 0), {}});
  }
  waiting_.clear();
  scratch_.clear();
  append_type_bitmap(types, scratch_);
  entries_.push_back({nsec3_hash(owner, {}, 0), bitmaps_.keep(scratch_)});
}

void Nsec3Chain::add_empty(wire::NameView owner) {
  while (!waiting_.empty() && !owner.is_at_or_below(waiting_.back())) waiting_.pop_back();
  waiting_.emplace_back(owner);
}

bool Nsec3Chain::finish() {
  waiting_.clear();
  std::ranges::sort(entries_, {}, &Entry::hash);
  return std::ranges::adjacent_find(entries_, {}, &Entry::hash) == entries_.end();
}

void Nsec3Chain::read(size_t index, wire::Name& owner, std::vector<uint8_t>& rdata) const {
  const Entry& entry = entries_[index];
  const Entry& next = entries_[(index + 1) % entries_.size()];
  const auto digits = nsec3_label(entry.hash);
  std::array<uint8_t, 1 + nsec3_label_bytes> label{nsec3_label_bytes};
  std::ranges::copy(digits, label.begin() + 1);
  CHECK(owner.assign_joined(label, apex_));
  rdata.assign({nsec3_algorithm_sha1, opt_out_ == OptOut::yes ? flag_opt_out : uint8_t{0}, 0, 0, 0,
                nsec3_hash_bytes});
  rdata.insert(rdata.end(), next.hash.begin(), next.hash.end());
  rdata.insert(rdata.end(), entry.bitmap.begin(), entry.bitmap.end());
}

std::vector<uint8_t> Nsec3Chain::parameters() { return {nsec3_algorithm_sha1, 0, 0, 0, 0}; }

}  // namespace holdfast::dnssec
