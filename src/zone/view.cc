// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/view.h"

#include <algorithm>

#include "zone/layout.h"
#include "zone/ordered_index.h"
#include "zone/slot_table.h"

namespace holdfast::zone {

namespace {

const layout::Node* node_at(const uint8_t* base, layout::Ref ref) {
  return layout::at<layout::Node>(base, ref);
}
const layout::Zone* zone_at(const uint8_t* base, layout::Ref ref) {
  return layout::at<layout::Zone>(base, ref);
}
const layout::Version* version_at(const uint8_t* base, layout::Ref ref) {
  return layout::at<layout::Version>(base, ref);
}

uint32_t ttl_of(const layout::RrsetEntry& entry, const uint8_t* records) {
  return entry.record_bytes > 0 ? load_be32(records + layout::record_ttl_offset) : 0;
}

Bytes records_of(const layout::RrsetEntry& entry, const uint8_t* records) {
  return {records, entry.record_bytes};
}
Bytes signatures_of(const layout::RrsetEntry& entry, const uint8_t* records) {
  return {records + entry.record_bytes, entry.signature_bytes};
}

// The tables are sized before they are published, so that a root is never seen without its table.
TableRoot load_root(const uint64_t& word) {
  return TableRoot::from_word(layout::load_shared(word));
}

// RFC 4648 §7, as RFC 5155 §3.3 has it, in lower case.
void write_base32hex(Bytes hash, uint8_t* to) {
  uint32_t pending = 0;
  unsigned bits = 0;
  for (const uint8_t byte : hash) {
    pending = (pending << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) {
      const uint32_t digit = (pending >> (bits - 5)) & 31U;
      *to++ = static_cast<uint8_t>(digit < 10 ? '0' + digit : 'a' + digit - 10);
    }
  }
}

}  // namespace

std::optional<RrsetView> NodeView::find(uint16_t type) const {
  const layout::Node* node = node_at(base_, reference_);
  const uint8_t* records = layout::first_record(node);
  // Made where it is returned: to copy what was just written in parts waits until all that was
  // written before, most of an answer, has reached the cache.
  std::optional<RrsetView> found;
  for (size_t i = 0; i < node->rrset_count; ++i) {
    const layout::RrsetEntry entry = layout::rrset_entry(node, i);
    if (entry.type == type) {
      found.emplace(entry.type, ttl_of(entry, records), entry.count, entry.signature_count,
                    records_of(entry, records), signatures_of(entry, records));
    }
    if (entry.type >= type) return found;
    records += entry.record_bytes + entry.signature_bytes;
  }
  return found;
}

RrsetView NodeView::rrset_at(size_t index) const {
  const layout::Node* node = node_at(base_, reference_);
  const uint8_t* records = layout::first_record(node);
  for (size_t i = 0; i < index; ++i) {
    const layout::RrsetEntry entry = layout::rrset_entry(node, i);
    records += entry.record_bytes + entry.signature_bytes;
  }
  const layout::RrsetEntry entry = layout::rrset_entry(node, index);
  return {entry.type,
          ttl_of(entry, records),
          entry.count,
          entry.signature_count,
          records_of(entry, records),
          signatures_of(entry, records)};
}

layout::Ref NodeView::glue_place(size_t index) const {
  const layout::Node* node = node_at(base_, reference_);
  if (index >= layout::glue_place_count(node)) return 0;
  return layout::load_shared(layout::glue_places(node)[index]);
}

void NodeView::prefetch_rest() const {
  constexpr size_t line_bytes = 64;
  constexpr size_t lines_ahead_max = 4;  // what is longer is read one line after the other
  const layout::Node* node = node_at(base_, reference_);
  const auto* start = static_cast<const uint8_t*>(static_cast<const void*>(node));
  size_t end = layout::directory_end(node);  // any places for glue aside: they are not many
  for (size_t i = 0; i < node->rrset_count && end < lines_ahead_max * line_bytes; ++i) {
    const layout::RrsetEntry entry = layout::rrset_entry(node, i);
    end += size_t{entry.record_bytes} + entry.signature_bytes;
  }
  end = std::min(end, lines_ahead_max * line_bytes);
  for (size_t at = 2 * line_bytes - 1; at < end + line_bytes - 1; at += line_bytes) {
    __builtin_prefetch(start + std::min(at, end - 1));
  }
}

size_t ZoneView::node_count() const { return index_size(); }

Nsec3Parameters ZoneView::nsec3_parameters() const {
  const layout::Version* version = version_at(base_, version_);
  return {version->nsec3_algorithm,
          version->nsec3_iterations,
          {layout::after(version), version->nsec3_salt_bytes}};
}

layout::Ref ZoneView::find_newest(uint64_t suffix_hash, Bytes relative_owner) const {
  return find_in_table(base_, load_root(layout::file_header(base_)->name_table),
                       layout::name_tag(suffix_hash, zone()->salt), [&](layout::Ref candidate) {
                         const layout::Node* node = node_at(base_, candidate);
                         return node->zone == zone_ &&
                                layout::same_labels(layout::owner_of(node), relative_owner);
                       });
}

std::optional<NodeView> ZoneView::of_this_version(layout::Ref newest) const {
  const uint32_t own_generation = version()->generation;
  for (layout::Ref ref = newest; ref != 0;) {
    const layout::Node* node = node_at(base_, ref);
    if (node->born <= own_generation) {
      if ((node->flags & node_removed) != 0) return std::nullopt;
      return NodeView(base_, ref);
    }
    ref = layout::load_shared(node->older);
  }
  return std::nullopt;
}

std::optional<NodeView> ZoneView::find(wire::NameView name, const wire::SuffixHashes& hashes,
                                       size_t labels) const {
  const size_t apex_labels = zone()->apex_labels;
  if (labels < apex_labels) return std::nullopt;
  const size_t begin = hashes.offset_of_last(labels);
  const Bytes relative = name.bytes().subspan(begin, hashes.offset_of_last(apex_labels) - begin);
  return of_this_version(find_newest(hashes.of_last(labels), relative));
}

std::optional<NodeView> ZoneView::find_child(const NodeView& parent, uint64_t parent_hash,
                                             Bytes label, const HashKey& key) const {
  const Bytes parent_owner = parent.relative_owner();
  std::array<uint8_t, wire::name_bytes_max + 1 + wire::label_bytes_max> owner;
  ByteWriter writer(owner);
  writer.write_bytes(label);
  writer.write_bytes(parent_owner);
  return of_this_version(
      find_newest(wire::hash_of_child(parent_hash, label, key), writer.written()));
}

std::optional<NodeView> ZoneView::find_glue(const NodeView& cut, size_t index,
                                            wire::NameView server, const HashKey& key) const {
  if (const layout::Ref newest = cut.glue_place(index); newest != 0) return of_this_version(newest);
  const wire::SuffixHashes hashes(server, key);
  return find(server, hashes, hashes.label_count());
}

bool ZoneView::prefetch_glue(const NodeView& cut) const {
  const layout::Node* node = node_at(base_, cut.reference());
  const size_t count = layout::glue_place_count(node);
  const layout::Ref* places = layout::glue_places(node);
  size_t known = 0;
  for (size_t i = 0; i < count; ++i) {
    const layout::Ref newest = layout::load_shared(places[i]);
    if (newest == 0) continue;
    NodeView(base_, newest).prefetch();
    ++known;
  }
  return known == count;
}

std::optional<NodeView> ZoneView::read(layout::Ref candidate, wire::NameView name,
                                       const wire::SuffixHashes& hashes, size_t labels) const {
  const layout::Node* node = node_at(base_, candidate);
  const size_t begin = hashes.offset_of_last(labels);
  const Bytes relative =
      name.bytes().subspan(begin, hashes.offset_of_last(zone()->apex_labels) - begin);
  if (node->zone != zone_ || !layout::same_labels(layout::owner_of(node), relative)) {
    return std::nullopt;
  }
  return of_this_version(candidate);
}

void ZoneView::prefetch_place(uint64_t suffix_hash) const {
  prefetch_bucket(base_, load_root(layout::file_header(base_)->name_table),
                  layout::name_tag(suffix_hash, zone()->salt));
}

void ZoneView::prefetch_node(uint64_t suffix_hash) const {
  const layout::Ref found =
      find_in_table(base_, load_root(layout::file_header(base_)->name_table),
                    layout::name_tag(suffix_hash, zone()->salt), [](layout::Ref) { return true; });
  if (found != 0) NodeView(base_, found).prefetch();
}

std::optional<NodeView> ZoneView::nsec_at_or_before(wire::NameView name) const {
  const layout::Version* version = version_at(base_, version_);
  const layout::Zone* zone = zone_at(base_, zone_);
  if (denial() != Denial::nsec || name.size() < zone->apex_bytes) return std::nullopt;
  const OrderKey key(name.bytes().first(name.size() - zone->apex_bytes));
  const auto found = OrderedIndex(base_, version->named).usable_at_or_before(key);
  if (!found) return std::nullopt;
  return NodeView(base_, found->node);
}

std::optional<ZoneView::Nsec3Match> ZoneView::nsec3_match_or_cover(Bytes hash) const {
  constexpr size_t hash_bytes = 20;
  constexpr size_t digits = hash_bytes * 8 / 5;
  if (denial() != Denial::nsec3 || hash.size() != hash_bytes) return std::nullopt;
  std::array<uint8_t, 1 + digits> owner;
  owner[0] = digits;
  write_base32hex(hash, owner.data() + 1);
  const layout::Version* version = version_at(base_, version_);
  const auto found = OrderedIndex(base_, version->nsec3).usable_at_or_before(OrderKey(owner));
  if (!found) return std::nullopt;
  return Nsec3Match{NodeView(base_, found->node), found->exact};
}

size_t ZoneView::index_size() const {
  const layout::Version* version = version_at(base_, version_);
  return size_t{version->named.nodes} + version->nsec3.nodes;
}

size_t ZoneView::position_of(Bytes relative_owner) const {
  return OrderedIndex(base_, version_at(base_, version_)->named)
      .position_of(OrderKey(relative_owner));
}

size_t ZoneView::position_of_nsec3(Bytes relative_owner) const {
  const layout::Version* version = version_at(base_, version_);
  return version->named.nodes +
         OrderedIndex(base_, version->nsec3).position_of(OrderKey(relative_owner));
}

NodeView ZoneView::index_at(size_t position) const {
  const layout::Version* version = version_at(base_, version_);
  const size_t named = version->named.nodes;
  if (position < named) return {base_, OrderedIndex(base_, version->named).at(position)};
  return {base_, OrderedIndex(base_, version->nsec3).at(position - named)};
}

size_t MemoryReader::zone_count() const {
  return layout::load_shared(layout::file_header(base_)->zone_count);
}

uint64_t MemoryReader::instance() const { return layout::file_header(base_)->instance; }

std::optional<ZoneView> MemoryReader::find_zone(wire::NameView name,
                                                const wire::SuffixHashes& hashes,
                                                Search search) const {
  const layout::FileHeader* header = layout::file_header(base_);
  size_t depths_end = hashes.label_count() + 1;  // apexes have fewer labels than this
  if (search == Search::strictly_above) --depths_end;
  const TableRoot root = load_root(header->zone_table);
  std::optional<ZoneView> found;
  layout::for_each_apex_depth(header, depths_end, [&](size_t labels) {
    const Bytes suffix = name.bytes().subspan(hashes.offset_of_last(labels));
    const layout::Ref zone = find_in_table(
        base_, root, layout::zone_tag(hashes.of_last(labels)), [&](layout::Ref candidate) {
          return layout::same_labels(layout::apex_of(zone_at(base_, candidate)), suffix);
        });
    if (zone == 0) return true;
    found = ZoneView(base_, zone, layout::load_shared(zone_at(base_, zone)->version));
    return false;
  });
  return found;
}

}  // namespace holdfast::zone
