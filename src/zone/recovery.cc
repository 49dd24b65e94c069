// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/recovery.h"

#include <algorithm>
#include <bit>

#include "zone/node_format.h"
#include "zone/view.h"

namespace holdfast::zone {

namespace {

constexpr uint16_t order_key_bytes_max = 2 * 255;

uint64_t digest_of(uint32_t tag, layout::Ref node) {
  return hash_mix((uint64_t{tag} << 32) | node, 0x9E3779B97F4A7C15ULL);
}

}  // namespace

Recovery::Recovery(const MemoryFile& file)
    : base_(file.base()), bytes_(file.bytes()), used_(bytes_), named_nodes_(bytes_) {}

bool Recovery::fits(layout::Ref ref, uint64_t bytes) const {
  const uint64_t start = uint64_t{ref} * layout::unit_bytes;
  return start >= layout::file_header_bytes && start <= bytes_ && bytes <= bytes_ - start;
}

bool Recovery::take(layout::Ref ref, uint64_t bytes) {
  return fits(ref, bytes) && used_.take(ref, bytes);
}

std::optional<std::string> Recovery::check() {
  if (bytes_ % layout::unit_bytes != 0 || !used_.take(0, layout::file_header_bytes)) {
    return "its size is " + std::to_string(bytes_) + " bytes";
  }
  const layout::FileHeader* header = layout::file_header(base_);
  if (!table_is_sound(header->zone_table) || !table_is_sound(header->name_table)) {
    return "its tables do not lie within it";
  }
  const TableRoot root = TableRoot::from_word(header->zone_table);
  if (root.table == 0) return std::nullopt;
  const auto* buckets = at<Bucket>(root.table);
  for (size_t i = 0; i < root.all_buckets(); ++i) {
    for (const uint64_t slot : buckets[i].slots) {
      if (slot_ref(slot) == 0) continue;
      if (!zone_is_sound(slot_tag(slot), slot_ref(slot))) {
        return "the zone at unit " + std::to_string(slot_ref(slot)) + " is damaged";
      }
      zones_.push_back(slot_ref(slot));
    }
  }
  std::ranges::sort(zones_);
  return std::nullopt;
}

bool Recovery::table_is_sound(uint64_t root_word) {
  const TableRoot root = TableRoot::from_word(root_word);
  if (root.table == 0) return root.buckets == 0;
  return root.buckets > 0 && root.table % (sizeof(Bucket) / layout::unit_bytes) == 0 &&
         take(root.table, root.bytes());
}

bool Recovery::zone_is_sound(uint32_t tag, layout::Ref ref) {
  if (!fits(ref, sizeof(layout::Zone))) return false;
  const auto* zone = at<layout::Zone>(ref);
  if (!take(ref, sizeof(layout::Zone) + zone->apex_bytes)) return false;
  const Bytes apex = layout::apex_of(zone);
  if (wire::uncompressed_name_size(apex) != apex.size() || apex.empty()) return false;
  const wire::SuffixHashes hashes(wire::NameView(apex), layout::file_header(base_)->hash_key);
  return hashes.label_count() == zone->apex_labels &&
         layout::zone_tag(hashes.of_last(zone->apex_labels)) == tag && version_is_sound(zone, ref);
}

bool Recovery::version_is_sound(const layout::Zone* zone, layout::Ref zone_ref) {
  if (!fits(zone->version, sizeof(layout::Version))) return false;
  const auto* version = at<layout::Version>(zone->version);
  if (version->zone != zone_ref ||
      !take(zone->version, sizeof(layout::Version) + version->nsec3_salt_bytes)) {
    return false;
  }
  generation_ = version->generation;
  records_ += version->records;
  if (!section_is_sound(version->named, zone_ref) || !section_is_sound(version->nsec3, zone_ref)) {
    return false;
  }
  if (version->apex_node == 0) return version->named.nodes == 0 && version->nsec3.nodes == 0;
  if (version->named.nodes == 0) return false;
  const auto* top = at<layout::TopEntry>(version->named.top);
  if (top[0].first_node != version->apex_node ||
      (at<layout::Node>(version->apex_node)->flags & node_apex) == 0) {
    return false;
  }
  const auto denial = static_cast<Denial>(version->denial);
  return denial == Denial::none || (denial == Denial::nsec && version->named.usable > 0) ||
         (denial == Denial::nsec3 && version->nsec3.usable > 0);
}

bool Recovery::section_is_sound(const layout::Section& section, layout::Ref zone_ref) {
  if (section.chunks == 0) return section.nodes == 0 && section.usable == 0;
  if (!take(section.top, section.chunks * sizeof(layout::TopEntry))) return false;
  const auto* top = at<layout::TopEntry>(section.top);
  uint32_t nodes = 0;
  uint32_t usable = 0;
  uint32_t last_usable = 0;
  for (size_t i = 0; i < section.chunks; ++i) {
    if (!chunk_is_sound(top[i], zone_ref)) return false;
    const auto* chunk = at<layout::Chunk>(top[i].chunk);
    // A section is searched if any node in it is usable, and then in every chunk.
    if (section.usable > 0 && chunk->keyed == 0) return false;
    if (top[i].first_position != nodes || top[i].usable_before != last_usable) return false;
    nodes += chunk->nodes;
    usable += chunk->usable;
    if (chunk->usable > 0) last_usable = static_cast<uint32_t>(i + 1);
  }
  nodes_ += nodes;
  return nodes == section.nodes && usable == section.usable;
}

bool Recovery::chunk_is_sound(const layout::TopEntry& entry, layout::Ref zone_ref) {
  if (!fits(entry.chunk, sizeof(layout::Chunk))) return false;
  const auto* chunk = at<layout::Chunk>(entry.chunk);
  if (chunk->nodes == 0 || chunk->nodes > layout::chunk_nodes_max || chunk->keyed > 1 ||
      chunk->common > order_key_bytes_max ||
      !take(entry.chunk, layout::chunk_bytes(chunk->nodes, chunk->keyed != 0)) ||
      !usable_bits_are_sound(chunk)) {
    return false;
  }
  const layout::Ref* nodes = layout::chunk_nodes(chunk);
  for (size_t i = 0; i < chunk->nodes; ++i) {
    constexpr size_t ahead = 8;
    if (i + ahead < chunk->nodes && fits(nodes[i + ahead], 1)) {
      __builtin_prefetch(at<layout::Node>(nodes[i + ahead]));
    }
    if (!published_node_is_sound(nodes[i], zone_ref)) return false;
  }
  return nodes[0] == entry.first_node;
}

bool Recovery::usable_bits_are_sound(const layout::Chunk* chunk) const {
  if (chunk->keyed == 0) return chunk->usable == 0;
  size_t bits = 0;
  for (size_t i = 0; i < layout::UsableBits{}.size(); ++i) {
    const uint64_t word = (*layout::chunk_usable(chunk))[i];
    bits += static_cast<size_t>(std::popcount(word));
    const size_t begin = i * 64;
    if (chunk->nodes <= begin ? word != 0
                              : chunk->nodes < begin + 64 && word >> (chunk->nodes - begin) != 0) {
      return false;
    }
  }
  return bits == chunk->usable;
}

bool Recovery::published_node_is_sound(layout::Ref ref, layout::Ref zone_ref) {
  if (!fits(ref, sizeof(layout::Node))) return false;
  const auto* node = at<layout::Node>(ref);
  const uint64_t left = bytes_ - uint64_t{ref} * layout::unit_bytes;
  if (node->zone != zone_ref || node->born > generation_ || (node->flags & node_removed) != 0 ||
      !node_is_sound(node, left, at<layout::Zone>(zone_ref)->apex_bytes) ||
      !take(ref, layout::node_bytes(node))) {
    return false;
  }
  if ((node->flags & node_nsec3) != 0) return node->older == 0;
  ++names_;
  names_digest_ += digest_of(tag_of_node(base_, node), ref);
  if (node->older != 0) with_older_.push_back(ref);
  if ((node->flags & node_glue_places) != 0) with_glue_.push_back(ref);
  return named_nodes_.take(ref, 1);
}

bool Recovery::settle_names(MemoryTables& tables, Retirement& retirement) {
  uint64_t published = 0;
  uint64_t digest = 0;
  tables.names().update_each([&](uint32_t tag, layout::Ref head) {
    const layout::Ref kept = settled_head(tag, head, retirement);
    if (kept != 0 && named_nodes_.is_taken(kept)) {
      ++published;
      digest += digest_of(tag, kept);
    }
    return kept;
  });
  for (const layout::Ref node : with_older_) retirement.add_link(node);
  return names_are_sound_ && published == names_ && digest == names_digest_;
}

layout::Ref Recovery::settled_head(uint32_t tag, layout::Ref head, Retirement& retirement) {
  while (head != 0) {
    if (!fits(head, sizeof(layout::Node))) break;
    if (named_nodes_.is_taken(head)) return head;
    const auto* node = at<layout::Node>(head);
    if (!node_is_sound(node, bytes_ - uint64_t{head} * layout::unit_bytes, 0)) break;
    const bool zone_is_published = std::ranges::binary_search(zones_, node->zone);
    if (zone_is_published) {
      const auto* zone = at<layout::Zone>(node->zone);
      if (node->born > at<layout::Version>(zone->version)->generation) {
        // Of a version that was never published; no reader takes notice of it.
        const layout::Ref older = node->older;
        if (older != 0 && fits(older, sizeof(layout::Node)) &&
            at<layout::Node>(older)->born >= node->born) {
          break;
        }
        head = older;
        continue;
      }
    }
    // A removed name, or one of a removed zone: a reader may still be in the version before.
    if (!used_.take(head, layout::node_bytes(node))) break;
    retirement.add_slot(head, tag);
    return head;
  }
  if (head != 0) names_are_sound_ = false;
  return 0;
}

void Recovery::settle_glue(uint8_t* base) const {
  for (const layout::Ref ref : with_glue_) {
    auto* cut = layout::at<layout::Node>(base, ref);
    layout::Ref* places = layout::glue_places(cut);
    for (size_t i = 0; i < layout::glue_place_count(cut); ++i) {
      const bool is_good = fits(places[i], sizeof(layout::Node)) &&
                           named_nodes_.is_taken(places[i]) &&
                           at<layout::Node>(places[i])->zone == cut->zone;
      if (!is_good && places[i] != 0) layout::store_shared(places[i], layout::Ref{0});
    }
  }
}

void Recovery::free_the_rest(Retirement& retirement) const {
  for (const Extent& extent : used_.free_extents()) retirement.add_space(extent);
}

}  // namespace holdfast::zone
