// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/zone_edit.h"

#include <algorithm>

#include "base/check.h"
#include "wire/types.h"
#include "zone/ordered_index.h"

namespace holdfast::zone {

namespace {

void append_object(std::vector<uint8_t>& to, const void* object, size_t bytes) {
  const auto* begin = static_cast<const uint8_t*>(object);
  to.insert(to.end(), begin, begin + bytes);
}

size_t label_count(Bytes labels) {
  size_t count = 0;
  for (size_t at = 0; at < labels.size(); at += 1U + labels[at]) ++count;
  return count;
}

uint64_t hash_of(wire::NameView name, const HashKey& key) {
  const wire::SuffixHashes hashes(name, key);
  return hashes.of_last(hashes.label_count());
}

}  // namespace

ZoneEdit::ZoneEdit(Allocator& allocator, uint8_t* base, layout::Ref zone, layout::Ref version,
                   Unmentioned unmentioned, const NodeChange& on_change)
    : allocator_(allocator),
      base_(base),
      zone_(zone),
      old_version_(version),
      on_change_(on_change),
      salt_(layout::at<layout::Zone>(base, zone)->salt),
      apex_(layout::apex_of(layout::at<layout::Zone>(base, zone))),
      apex_hash_(hash_of(apex_, layout::file_header(base)->hash_key)),
      apex_node_(layout::at<layout::Version>(base, version)->apex_node),
      records_(layout::at<layout::Version>(base, version)->records),
      labels_below_apex_max_(0),
      named_(*this, &layout::at<layout::Version>(base, version)->named, unmentioned),
      nsec3_(*this, &layout::at<layout::Version>(base, version)->nsec3, unmentioned) {
  const auto* old = layout::at<layout::Version>(base, version);
  if (unmentioned == Unmentioned::kept) labels_below_apex_max_ = old->labels_below_apex_max;
  if (apex_node_ != 0) profile_ = old_profile_ = DenialProfile::of_apex(node_at(apex_node_));
  publication_.generation = old->generation;
}

Bytes ZoneEdit::relative(wire::NameView owner) const {
  return owner.bytes().first(owner.size() - apex_.size());
}

uint32_t ZoneEdit::tag_of(Bytes labels) const {
  const HashKey& key = layout::file_header(base_)->hash_key;
  return layout::name_tag(wire::hash_before(labels, apex_hash_, key), salt_);
}

void ZoneEdit::expect(size_t nodes) {
  if (layout::at<layout::Version>(base_, old_version_)->named.nodes == 0) links_.reserve(nodes);
}

Result<void> ZoneEdit::put(const StagedNode& node) {
  if ((node.flags & node_nsec3) != 0) return nsec3_.push(node);
  labels_below_apex_max_ = std::max(labels_below_apex_max_, label_count(relative(node.owner)));
  return named_.push(node);
}

Result<layout::Ref> ZoneEdit::settle(const StagedNode& node, layout::Ref old) {
  if ((node.flags & node_removed) != 0) {
    if (old != 0) TRY(remove(old));
    return 0;
  }
  TRY(format_.encode(node, apex_.size()));
  if (old != 0 && format_.same_as(node_at(old))) {
    ++publication_.nodes_kept;
    return old;
  }
  const layout::Ref written = TRY(write_node(format_.bytes(), old));
  if (old != 0) records_ -= layout::node_records(node_at(old));
  records_ += layout::node_records(node_at(written));
  if ((node.flags & node_nsec3) != 0) {
    const auto bytes = layout::node_bytes(node_at(written));
    made_.push_back({written, layout::units_of(bytes)});
    if (old != 0) {
      outdated_.push_back({old, layout::units_of(layout::node_bytes(node_at(old)))});
    }
  } else {
    links_.push_back({written, tag_of(layout::owner_of(node_at(written)))});
  }
  if ((node.flags & node_apex) != 0) {
    apex_node_ = written;
    profile_ = DenialProfile::of_apex(node_at(written));
  }
  ++publication_.nodes_written;
  if (on_change_) on_change_(node);
  return written;
}

Result<void> ZoneEdit::remove(layout::Ref old) {
  const layout::Node* node = node_at(old);
  if ((node->flags & node_apex) != 0) {
    return fail(apex_.to_text() + ": the apex cannot be removed from its zone");
  }
  wire::Name owner;
  CHECK(owner.assign_joined(layout::owner_of(node), apex_));
  StagedNode gone;
  gone.owner = owner;
  gone.flags = node_removed;
  records_ -= layout::node_records(node);
  if ((node->flags & node_nsec3) != 0) {
    gone.flags |= node_nsec3;
    outdated_.push_back({old, layout::units_of(layout::node_bytes(node))});
  } else {
    TRY(format_.encode(gone, apex_.size()));
    links_.push_back({TRY(write_node(format_.bytes(), old)), tag_of(relative(owner))});
  }
  ++publication_.nodes_removed;
  if (on_change_) on_change_(gone);
  return {};
}

Result<layout::Ref> ZoneEdit::write_node(Bytes bytes, layout::Ref old) {
  const layout::Ref ref = TRY(allocator_.allocate(layout::units_of(bytes.size())));
  layout::Node* node = node_at(ref);
  std::memcpy(node, bytes.data(), bytes.size());
  node->zone = zone_;
  node->older = (node->flags & node_nsec3) != 0 ? 0 : old;
  node->born = publication_.generation + 1;
  return ref;
}

Result<layout::Ref> ZoneEdit::write_blob(Bytes bytes) {
  const uint32_t units = layout::units_of(bytes.size());
  const layout::Ref ref = TRY(allocator_.allocate(units));
  std::memcpy(layout::at<uint8_t>(base_, ref), bytes.data(), bytes.size());
  made_.push_back({ref, units});
  return ref;
}

bool ZoneEdit::is_usable(const layout::Node* node) const {
  if ((node->flags & node_nsec3) != 0) return profile_.matches_nsec3(node);
  return layout::node_has_type(node, wire::type_nsec);
}

// As most zones of registries. What is hidden is none of the zone's own names.
bool ZoneEdit::mostly_delegates(const layout::Section& named) const {
  constexpr uint32_t sample = 64;
  if (named.nodes < 16 * sample) return false;  // the caches hold so few, whatever they are
  const OrderedIndex index(base_, named);
  size_t own = 0;
  size_t cuts = 0;
  for (uint32_t i = 1; i <= sample; ++i) {
    const uint64_t random = hash_mix(i, 0x9E3779B97F4A7C15ULL) >> 32;
    const layout::Node* node = node_at(index.at((random * named.nodes) >> 32));
    if ((node->flags & node_occluded) != 0) continue;
    ++own;
    const Bytes owner = layout::owner_of(node);
    if ((node->flags & node_cut) != 0 && owner.size() == 1U + owner[0]) ++cuts;
  }
  return 2 * cuts > own;
}

Result<layout::Ref> ZoneEdit::write_chunk(std::span<const layout::Ref> nodes) {
  return write_blob(fill_chunk(nodes));
}

Bytes ZoneEdit::fill_chunk(std::span<const layout::Ref> nodes) {
  layout::Chunk header{};
  header.nodes = static_cast<uint16_t>(nodes.size());
  const bool is_nsec3 = (node_at(nodes[0])->flags & node_nsec3) != 0;
  header.keyed = is_nsec3 || profile_.nsec ? 1 : 0;
  scratch_.clear();
  if (header.keyed == 0) {
    append_object(scratch_, &header, sizeof header);
    append_object(scratch_, nodes.data(), nodes.size_bytes());
    return scratch_;
  }
  const OrderKey first(layout::owner_of(node_at(nodes.front())));
  const OrderKey last(layout::owner_of(node_at(nodes.back())));
  header.common =
      static_cast<uint16_t>(nodes.size() > 1 ? first.common_with(last) : first.bytes().size());
  layout::UsableBits usable{};
  std::array<uint32_t, layout::chunk_nodes_max> keys;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const layout::Node* node = node_at(nodes[i]);
    keys[i] = OrderKey(layout::owner_of(node)).word32_at(header.common);
    if (!is_usable(node)) continue;
    usable[i / 64] |= uint64_t{1} << (i % 64);
    ++header.usable;
  }
  append_object(scratch_, &header, sizeof header);
  append_object(scratch_, usable.data(), sizeof usable);
  append_object(scratch_, nodes.data(), nodes.size_bytes());
  append_object(scratch_, keys.data(), nodes.size() * sizeof keys[0]);
  return scratch_;
}

void ZoneEdit::outdate(const layout::Chunk* chunk) {
  const auto offset = static_cast<const uint8_t*>(static_cast<const void*>(chunk)) - base_;
  outdated_.push_back({static_cast<layout::Ref>(static_cast<size_t>(offset) / layout::unit_bytes),
                       layout::units_of(layout::chunk_bytes(chunk->nodes, chunk->keyed != 0))});
}

void ZoneEdit::outdate_section(const layout::Section& section) {
  if (section.chunks == 0) return;
  outdated_.push_back({section.top, layout::units_of(section.chunks * sizeof(layout::TopEntry))});
}

Result<layout::Ref> ZoneEdit::finish() {
  layout::Version version{};
  version.named = TRY(named_.finish());
  version.nsec3 = TRY(nsec3_.finish());
  const auto* old = layout::at<layout::Version>(base_, old_version_);
  if (publication_.nodes_written == 0 && publication_.nodes_removed == 0) return 0;
  if (apex_node_ == 0) return fail(apex_.to_text() + ": a zone without its apex");
  const layout::Node* apex = node_at(apex_node_);
  version.zone = zone_;
  version.generation = ++publication_.generation;
  version.serial = serial_of_apex(apex);
  version.apex_node = apex_node_;
  version.records = records_;
  version.labels_below_apex_max = static_cast<uint8_t>(labels_below_apex_max_);
  version.mostly_delegates = mostly_delegates(version.named) ? 1 : 0;
  Denial denial = Denial::none;
  if (profile_.nsec && version.named.usable > 0) denial = Denial::nsec;
  if (version.nsec3.usable > 0) {
    denial = Denial::nsec3;
    version.nsec3_algorithm = profile_.algorithm;
    version.nsec3_iterations = profile_.iterations;
    version.nsec3_salt_bytes = profile_.salt_bytes;
  }
  version.denial = static_cast<uint8_t>(denial);
  scratch_.clear();
  append_object(scratch_, &version, sizeof version);
  append_object(scratch_, profile_.salt.data(), version.nsec3_salt_bytes);
  const layout::Ref ref = TRY(write_blob(scratch_));
  outdate_section(old->named);
  outdate_section(old->nsec3);
  outdated_.push_back(
      {old_version_, layout::units_of(sizeof(layout::Version) + old->nsec3_salt_bytes)});
  return ref;
}

void ZoneEdit::discard() {
  for (const Extent& extent : made_) allocator_.release(extent);
  for (const NodeLink& link : links_) {
    allocator_.release({link.node, layout::units_of(layout::node_bytes(node_at(link.node)))});
  }
  made_.clear();
  links_.clear();
}

}  // namespace holdfast::zone
