// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/view.h"

#include <bit>

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

RrsetView view_of(const layout::RrsetEntry& entry, const uint8_t* records) {
  RrsetView view;
  view.type = entry.type;
  view.count = entry.count;
  view.signature_count = entry.signature_count;
  view.records = {records, entry.record_bytes};
  view.signatures = {records + entry.record_bytes, entry.signature_bytes};
  if (entry.record_bytes > 0) view.ttl = load_be32(records + layout::record_ttl_offset);
  return view;
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

bool NodeView::has(NodeFlag flag) const { return (node_at(base_, reference_)->flags & flag) != 0; }

Bytes NodeView::relative_owner() const { return layout::owner_of(node_at(base_, reference_)); }

std::optional<RrsetView> NodeView::find(uint16_t type) const {
  const layout::Node* node = node_at(base_, reference_);
  const uint8_t* records = layout::first_record(node);
  for (size_t i = 0; i < node->rrset_count; ++i) {
    const layout::RrsetEntry entry = layout::rrset_entry(node, i);
    if (entry.type == type) return view_of(entry, records);
    if (entry.type > type) break;
    records += entry.record_bytes + entry.signature_bytes;
  }
  return std::nullopt;
}

size_t NodeView::rrset_count() const { return node_at(base_, reference_)->rrset_count; }

RrsetView NodeView::rrset_at(size_t index) const {
  const layout::Node* node = node_at(base_, reference_);
  const uint8_t* records = layout::first_record(node);
  for (size_t i = 0; i < index; ++i) {
    const layout::RrsetEntry entry = layout::rrset_entry(node, i);
    records += entry.record_bytes + entry.signature_bytes;
  }
  return view_of(layout::rrset_entry(node, index), records);
}

wire::NameView ZoneView::apex() const {
  return wire::NameView(layout::apex_of(zone_at(base_, zone_)));
}
size_t ZoneView::apex_label_count() const { return zone_at(base_, zone_)->apex_labels; }
bool ZoneView::available() const { return version_at(base_, version_)->apex_node != 0; }
uint32_t ZoneView::serial() const { return version_at(base_, version_)->serial; }
uint32_t ZoneView::generation() const { return version_at(base_, version_)->generation; }
Denial ZoneView::denial() const { return static_cast<Denial>(version_at(base_, version_)->denial); }
size_t ZoneView::record_count() const { return version_at(base_, version_)->records; }
size_t ZoneView::node_count() const { return index_size(); }
size_t ZoneView::labels_below_apex_max() const {
  return version_at(base_, version_)->labels_below_apex_max;
}

Nsec3Parameters ZoneView::nsec3_parameters() const {
  const layout::Version* version = version_at(base_, version_);
  return {version->nsec3_algorithm,
          version->nsec3_iterations,
          {layout::after(version), version->nsec3_salt_bytes}};
}

NodeView ZoneView::apex_node() const { return {base_, version_at(base_, version_)->apex_node}; }

std::optional<NodeView> ZoneView::find(wire::NameView name, const wire::SuffixHashes& hashes,
                                       size_t labels) const {
  const layout::Zone* zone = zone_at(base_, zone_);
  if (labels < zone->apex_labels) return std::nullopt;
  const size_t begin = hashes.offset_of_last(labels);
  const Bytes relative =
      name.bytes().subspan(begin, hashes.offset_of_last(zone->apex_labels) - begin);
  const layout::Ref newest = find_in_table(
      base_, load_root(layout::file_header(base_)->name_table),
      layout::name_tag(hashes.of_last(labels), zone->salt), [&](layout::Ref candidate) {
        const layout::Node* node = node_at(base_, candidate);
        return node->zone == zone_ && layout::same_labels(layout::owner_of(node), relative);
      });
  const uint32_t generation = version_at(base_, version_)->generation;
  for (layout::Ref ref = newest; ref != 0;) {
    const layout::Node* node = node_at(base_, ref);
    if (node->born <= generation) {
      if ((node->flags & node_removed) != 0) return std::nullopt;
      return NodeView(base_, ref);
    }
    ref = layout::load_shared(node->older);
  }
  return std::nullopt;
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

NodeView ZoneView::index_at(size_t position) const {
  const layout::Version* version = version_at(base_, version_);
  const size_t named = version->named.nodes;
  if (position < named) return {base_, OrderedIndex(base_, version->named).at(position)};
  return {base_, OrderedIndex(base_, version->nsec3).at(position - named)};
}

HashKey MemoryReader::hash_key() const { return layout::file_header(base_)->hash_key; }

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
  // Two words of depths, the deeper first.
  for (size_t word = 2; word-- > 0;) {
    uint64_t depths = layout::load_shared(header->depths[word]);
    if (depths_end <= word * 64) continue;
    const size_t below = depths_end - word * 64;
    if (below < 64) depths &= (uint64_t{1} << below) - 1;
    while (depths != 0) {
      const size_t bit = 63 - static_cast<size_t>(std::countl_zero(depths));
      const size_t labels = word * 64 + bit;
      depths ^= uint64_t{1} << bit;
      const Bytes suffix = name.bytes().subspan(hashes.offset_of_last(labels));
      const layout::Ref zone = find_in_table(
          base_, root, layout::zone_tag(hashes.of_last(labels)), [&](layout::Ref candidate) {
            return layout::same_labels(layout::apex_of(zone_at(base_, candidate)), suffix);
          });
      if (zone != 0) {
        return ZoneView(base_, zone, layout::load_shared(zone_at(base_, zone)->version));
      }
    }
  }
  return std::nullopt;
}

}  // namespace holdfast::zone
