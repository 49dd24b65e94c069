// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/section_merge.h"

#include <algorithm>

#include "zone/zone_edit.h"

namespace holdfast::zone {

namespace {

// A chunk with fewer nodes is written together with the next one.
constexpr size_t chunk_nodes_min = layout::chunk_nodes_max / 4;

}  // namespace

SectionMerge::SectionMerge(ZoneEdit& edit, const layout::Section* old, Unmentioned unmentioned)
    : edit_(edit), unmentioned_(unmentioned) {
  if (old != nullptr) old_ = *old;
}

const layout::Chunk* SectionMerge::old_chunk() const {
  const auto* top = layout::at<layout::TopEntry>(edit_.base(), old_.top);
  return layout::at<layout::Chunk>(edit_.base(), top[chunk_].chunk);
}

bool SectionMerge::begins_after(size_t chunk, const OrderKey& key) const {
  const auto* top = layout::at<layout::TopEntry>(edit_.base(), old_.top);
  const uint64_t word = key.word64_at(0);
  if (top[chunk].key != word) return top[chunk].key > word;
  const auto* first = layout::at<layout::Node>(edit_.base(), top[chunk].first_node);
  return compare(OrderKey(layout::owner_of(first)), key) > 0;
}

SectionMerge::Side SectionMerge::side_of(Bytes owner, const OrderKey& key, layout::Ref published) {
  const Bytes other = layout::owner_of(layout::at<layout::Node>(edit_.base(), published));
  if (layout::same_labels(owner, other)) return Side::same;
  return compare(key, OrderKey(other)) < 0 ? Side::before : Side::after;
}

Result<void> SectionMerge::push(const StagedNode& node) {
  const Bytes owner = edit_.relative(node.owner);
  const OrderKey key(owner);
  while (has_old_chunk()) {
    const bool is_last = chunk_ + 1 == old_.chunks;
    const bool untouched = position_ == 0 && pending_.empty() && !edit_.rewrites_all();
    if (unmentioned_ == Unmentioned::kept && untouched && !is_last &&
        !begins_after(chunk_ + 1, key)) {
      share_chunk();
      continue;
    }
    const layout::Chunk* chunk = old_chunk();
    if (position_ == chunk->nodes) {
      if (!is_last && begins_after(chunk_ + 1, key)) break;
      if (is_last) break;
      TRY(close_chunk());
      continue;
    }
    const layout::Ref published = layout::chunk_nodes(chunk)[position_];
    const Side side = side_of(owner, key, published);
    if (side == Side::before) break;
    ++position_;
    if (side == Side::same) return insert(node, published);
    TRY(settle_unmentioned(published));
  }
  return insert(node, 0);
}

Result<void> SectionMerge::settle_unmentioned(layout::Ref node) {
  if (unmentioned_ == Unmentioned::kept) {
    pending_.push_back(node);
    return {};
  }
  dirty_ = true;
  return edit_.remove(node);
}

Result<void> SectionMerge::insert(const StagedNode& node, layout::Ref old) {
  const layout::Ref now = TRY(edit_.settle(node, old));
  if (now != old) dirty_ = true;
  if (now != 0) pending_.push_back(now);
  if (pending_.size() >= 2 * layout::chunk_nodes_max) {
    TRY(emit_chunk(layout::chunk_nodes_max));
  }
  return {};
}

Result<void> SectionMerge::close_chunk() {
  if (!dirty_ && !edit_.rewrites_all()) {
    pending_.clear();
    share_chunk();
    return {};
  }
  edit_.outdate(old_chunk());
  ++chunk_;
  position_ = 0;
  // Too few are left pending, and make the next chunk a new one too.
  TRY(emit(has_old_chunk() ? chunk_nodes_min : 0));
  dirty_ = !pending_.empty();
  return {};
}

void SectionMerge::share_chunk() {
  const auto* top = layout::at<layout::TopEntry>(edit_.base(), old_.top);
  top_.push_back(top[chunk_]);
  ++chunk_;
  position_ = 0;
}

// Writes chunks of equal size until at most `nodes_left_max` nodes are pending.
Result<void> SectionMerge::emit(size_t nodes_left_max) {
  while (pending_.size() > nodes_left_max) {
    const size_t chunks = (pending_.size() + layout::chunk_nodes_max - 1) / layout::chunk_nodes_max;
    TRY(emit_chunk((pending_.size() + chunks - 1) / chunks));
  }
  return {};
}

Result<void> SectionMerge::emit_chunk(size_t nodes) {
  layout::TopEntry entry{};
  entry.first_node = pending_.front();
  const auto* first = layout::at<layout::Node>(edit_.base(), entry.first_node);
  entry.key = OrderKey(layout::owner_of(first)).word64_at(0);
  entry.chunk = TRY(edit_.write_chunk({pending_.data(), nodes}));
  top_.push_back(entry);
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(nodes));
  return {};
}

Result<layout::Section> SectionMerge::finish() {
  while (has_old_chunk()) {
    const bool untouched = position_ == 0 && pending_.empty() && !edit_.rewrites_all();
    if (unmentioned_ == Unmentioned::kept && untouched) {
      share_chunk();
      continue;
    }
    const layout::Chunk* chunk = old_chunk();
    while (position_ < chunk->nodes) {
      TRY(settle_unmentioned(layout::chunk_nodes(chunk)[position_++]));
    }
    TRY(close_chunk());
  }
  TRY(emit(0));
  return write_top();
}

Result<layout::Section> SectionMerge::write_top() {
  layout::Section section{};
  uint32_t last_usable = 0;
  for (size_t i = 0; i < top_.size(); ++i) {
    const auto* chunk = layout::at<layout::Chunk>(edit_.base(), top_[i].chunk);
    top_[i].first_position = section.nodes;
    top_[i].usable_before = last_usable;
    section.nodes += chunk->nodes;
    section.usable += chunk->usable;
    if (chunk->usable > 0) last_usable = static_cast<uint32_t>(i + 1);
  }
  section.chunks = static_cast<uint32_t>(top_.size());
  if (section.chunks == 0) return section;
  const auto* bytes = static_cast<const uint8_t*>(static_cast<const void*>(top_.data()));
  section.top = TRY(edit_.write_blob({bytes, top_.size() * sizeof(layout::TopEntry)}));
  return section;
}

}  // namespace holdfast::zone
