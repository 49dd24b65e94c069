// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/node_format.h"

#include <algorithm>
#include <cstring>

#include "wire/types.h"

namespace holdfast::zone {

namespace {

constexpr size_t rrset_bytes_max = 65535;
constexpr uint16_t owner_pointer = 0xC00C;

uint8_t* put(uint8_t* to, Bytes bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

size_t record_bytes(const std::vector<Bytes>& rdata) {
  size_t bytes = 0;
  for (const Bytes data : rdata) bytes += layout::record_header_bytes + data.size();
  return bytes;
}

uint8_t* put_records(uint8_t* to, uint16_t type, uint32_t ttl, const std::vector<Bytes>& rdata) {
  for (const Bytes data : rdata) {
    store_be16(to, owner_pointer);
    store_be16(to + 2, type);
    store_be16(to + 4, wire::class_in);
    store_be32(to + layout::record_ttl_offset, ttl);
    store_be16(to + layout::record_length_offset, static_cast<uint16_t>(data.size()));
    to = put(to + layout::record_header_bytes, data);
  }
  return to;
}

// How many words for glue the node gets: none if no server of the cut lies below it.
size_t glue_place_count(const StagedNode& node) {
  if ((node.flags & node_cut) == 0) return 0;
  for (const StagedRrset& rrset : node.rrsets) {
    if (rrset.type != wire::type_ns) continue;
    const bool has_glue = std::ranges::any_of(rrset.rdata, [&](Bytes server) {
      return wire::NameView(server).is_at_or_below(node.owner);
    });
    return has_glue ? std::min(rrset.rdata.size(), layout::glue_places_max) : 0;
  }
  return 0;
}

bool records_are_sound(Bytes records, size_t count) {
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    if (records.size() - at < layout::record_header_bytes) return false;
    const size_t size =
        layout::record_header_bytes + load_be16(&records[at + layout::record_length_offset]);
    if (records.size() - at < size) return false;
    at += size;
  }
  return at == records.size();
}

bool owner_is_sound(Bytes owner, size_t apex_bytes) {
  if (owner.size() + apex_bytes > wire::name_bytes_max) return false;
  size_t at = 0;
  while (at < owner.size()) {
    if (owner[at] == 0 || owner[at] > wire::label_bytes_max) return false;
    at += 1U + owner[at];
  }
  return at == owner.size();
}

}  // namespace

Result<void> NodeFormat::encode(const StagedNode& node, size_t apex_bytes) {
  const Bytes owner = node.owner.bytes().first(node.owner.size() - apex_bytes);
  if (node.rrsets.size() > Contents::types_per_name_max) {
    return fail(node.owner.to_text() + ": " + std::to_string(node.rrsets.size()) +
                " types, at most " + std::to_string(Contents::types_per_name_max) +
                " can be kept at a name");
  }
  const size_t glue_places = glue_place_count(node);
  layout::Node header{};
  header.flags = static_cast<uint16_t>(node.flags & ~node_glue_places);
  if (glue_places > 0) header.flags |= node_glue_places;
  header.rrset_count = static_cast<uint8_t>(node.rrsets.size());
  header.owner_bytes = static_cast<uint8_t>(owner.size());
  records_begin_ = sizeof header + owner.size() + node.rrsets.size() * sizeof(layout::RrsetEntry);
  if (glue_places > 0) {
    records_begin_ = layout::glue_places_at(records_begin_) + glue_places * sizeof(layout::Ref);
  }
  size_t bytes = records_begin_;
  for (const StagedRrset& rrset : node.rrsets) {
    const size_t records = record_bytes(rrset.rdata);
    const size_t signatures = record_bytes(rrset.signatures);
    if (records > rrset_bytes_max || signatures > rrset_bytes_max) {
      return fail(node.owner.to_text() + " " + wire::type_to_text(rrset.type) + ": " +
                  std::to_string(std::max(records, signatures)) +
                  " bytes of records, more than a message of 65535 can carry");
    }
    bytes += records + signatures;
  }
  bytes_.assign(bytes, 0);
  uint8_t* to = bytes_.data();
  std::memcpy(to, &header, sizeof header);
  to = put(to + sizeof header, owner);
  for (const StagedRrset& rrset : node.rrsets) {
    const layout::RrsetEntry entry{rrset.type, static_cast<uint16_t>(rrset.rdata.size()),
                                   static_cast<uint16_t>(rrset.signatures.size()),
                                   static_cast<uint16_t>(record_bytes(rrset.rdata)),
                                   static_cast<uint16_t>(record_bytes(rrset.signatures))};
    std::memcpy(to, &entry, sizeof entry);
    to += sizeof entry;
  }
  to = bytes_.data() + records_begin_;
  for (const StagedRrset& rrset : node.rrsets) {
    to = put_records(to, rrset.type, rrset.ttl, rrset.rdata);
    to = put_records(to, wire::type_rrsig, rrset.signature_ttl, rrset.signatures);
  }
  return {};
}

bool NodeFormat::same_as(const layout::Node* published) const {
  layout::Node header;
  std::memcpy(&header, bytes_.data(), sizeof header);
  if (header.flags != published->flags || header.rrset_count != published->rrset_count ||
      header.owner_bytes != published->owner_bytes) {
    return false;
  }
  // The sizes of both follow from the directories, so those are compared first.
  const size_t directory = header.owner_bytes + header.rrset_count * sizeof(layout::RrsetEntry);
  const uint8_t* mine = bytes_.data() + sizeof header;
  const uint8_t* theirs = layout::after(published);
  if (std::memcmp(mine, theirs, directory) != 0) return false;
  // What the places for glue refer to is no part of it.
  const Bytes records = Bytes(bytes_).subspan(records_begin_);
  return std::memcmp(records.data(), layout::first_record(published), records.size()) == 0;
}

bool node_is_sound(const layout::Node* node, uint64_t bytes_left, size_t apex_bytes) {
  if (bytes_left < sizeof(layout::Node)) return false;
  if (bytes_left < layout::directory_end(node) || layout::node_bytes(node) > bytes_left) {
    return false;
  }
  if (!owner_is_sound(layout::owner_of(node), apex_bytes)) return false;
  const uint8_t* records = layout::first_record(node);
  for (size_t i = 0; i < node->rrset_count; ++i) {
    const layout::RrsetEntry entry = layout::rrset_entry(node, i);
    if (!records_are_sound({records, entry.record_bytes}, entry.count)) return false;
    records += entry.record_bytes;
    if (!records_are_sound({records, entry.signature_bytes}, entry.signature_count)) return false;
    records += entry.signature_bytes;
  }
  return true;
}

}  // namespace holdfast::zone
