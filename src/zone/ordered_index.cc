// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/ordered_index.h"

#include <algorithm>
#include <bit>

namespace holdfast::zone {

namespace {

// The last set bit among the first `count`, or nothing.
std::optional<size_t> last_bit(const layout::UsableBits& bits, size_t count) {
  for (size_t word = (count + 63) / 64; word > 0; --word) {
    uint64_t value = bits[word - 1];
    const size_t below = count - (word - 1) * 64;
    if (below < 64) value &= (uint64_t{1} << below) - 1;
    if (value != 0) return (word - 1) * 64 + 63 - static_cast<size_t>(std::countl_zero(value));
  }
  return std::nullopt;
}

}  // namespace

layout::Ref OrderedIndex::at(size_t position) const {
  const layout::TopEntry* end = top() + section_.chunks;
  const layout::TopEntry* entry =
      std::upper_bound(top(), end, position, [](size_t wanted, const layout::TopEntry& candidate) {
        return wanted < candidate.first_position;
      });
  --entry;
  return layout::chunk_nodes(
      layout::at<layout::Chunk>(base_, entry->chunk))[position - entry->first_position];
}

size_t OrderedIndex::position_of(const OrderKey& key) const {
  if (section_.chunks == 0) return 0;
  const size_t index = chunk_for(key);
  const layout::Chunk* nodes = chunk(index);
  const layout::Ref* begin = layout::chunk_nodes(nodes);
  const layout::Ref* found =
      std::partition_point(begin, begin + nodes->nodes,
                           [&](layout::Ref node) { return compare_with_node(key, node) > 0; });
  return top()[index].first_position + static_cast<size_t>(found - begin);
}

int OrderedIndex::compare_with_node(const OrderKey& key, layout::Ref node) const {
  return compare(key, OrderKey(layout::owner_of(layout::at<layout::Node>(base_, node))));
}

size_t OrderedIndex::chunk_for(const OrderKey& key) const {
  const uint64_t word = key.word64_at(0);
  const layout::TopEntry* end = top() + section_.chunks;
  const layout::TopEntry* after =
      std::upper_bound(top(), end, word, [&](uint64_t wanted, const layout::TopEntry& candidate) {
        if (wanted != candidate.key) return wanted < candidate.key;
        return compare_with_node(key, candidate.first_node) < 0;
      });
  return after == top() ? 0 : static_cast<size_t>(after - top()) - 1;
}

size_t OrderedIndex::count_to(const OrderKey& key, size_t chunk_index, bool& exact) const {
  const layout::Chunk* nodes = chunk(chunk_index);
  const size_t common = nodes->common;
  // The key is at or after the first node: it shares what all share, or is after all.
  bool shares = true;
  if (common > 8) {
    const layout::Ref first = top()[chunk_index].first_node;
    const OrderKey first_key(layout::owner_of(layout::at<layout::Node>(base_, first)));
    shares = key.common_with(first_key) >= common;
  } else if (common > 0) {
    const uint64_t mask = ~uint64_t{0} << (64 - 8 * common);
    shares = ((key.word64_at(0) ^ top()[chunk_index].key) & mask) == 0;
  }
  if (!shares) return nodes->nodes;
  const uint32_t word = key.word32_at(common);
  const uint32_t* begin = layout::chunk_keys(nodes);
  const auto [equal, above] = std::equal_range(begin, begin + nodes->nodes, word);
  const layout::Ref* refs = layout::chunk_nodes(nodes);
  const layout::Ref* last = std::upper_bound(refs + (equal - begin), refs + (above - begin), key,
                                             [&](const OrderKey& wanted, layout::Ref node) {
                                               return compare_with_node(wanted, node) < 0;
                                             });
  const auto count = static_cast<size_t>(last - refs);
  exact = last != refs + (equal - begin) && compare_with_node(key, refs[count - 1]) == 0;
  return count;
}

OrderedIndex::Found OrderedIndex::last_usable_to(size_t chunk_index) const {
  const layout::Chunk* nodes = chunk(chunk_index);
  const auto bit = last_bit(*layout::chunk_usable(nodes), nodes->nodes);
  return {layout::chunk_nodes(nodes)[bit.value_or(0)], false};
}

std::optional<OrderedIndex::Found> OrderedIndex::usable_at_or_before(const OrderKey& key) const {
  if (section_.usable == 0) return std::nullopt;
  const size_t last = section_.chunks - 1;
  const size_t wrapped = chunk(last)->usable > 0 ? last : top()[last].usable_before - 1;
  const size_t index = chunk_for(key);
  if (key.word64_at(0) < top()[0].key ||
      (index == 0 && compare_with_node(key, top()[0].first_node) < 0)) {
    return last_usable_to(wrapped);
  }
  bool exact = false;
  const layout::Chunk* nodes = chunk(index);
  const size_t count = count_to(key, index, exact);
  if (const auto bit = last_bit(*layout::chunk_usable(nodes), count)) {
    return Found{layout::chunk_nodes(nodes)[*bit], exact && *bit == count - 1};
  }
  const uint32_t before = top()[index].usable_before;
  return last_usable_to(before > 0 ? before - 1 : wrapped);
}

}  // namespace holdfast::zone
