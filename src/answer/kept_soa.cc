// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/kept_soa.h"

#include <cstring>

#include "wire/response_writer.h"

namespace holdfast::answer {

namespace {

constexpr size_t fixed_bytes = 10;  // type, class, TTL, length
constexpr size_t question_tail_bytes = 4;
constexpr uint8_t pointer_byte = 0xC0;

// The labels that are spelt out before the name's end or a pointer, in bytes.
size_t spelt_bytes(const uint8_t* name) {
  size_t at = 0;
  while (name[at] != 0 && (name[at] & pointer_byte) == 0) at += 1U + name[at];
  return at;
}

// Of the name right below the apex that `name` is or lies below; 0 if it does not.
uint64_t hash_of_child_of(const zone::ZoneView& zone, wire::NameView name, const HashKey& key) {
  const size_t labels = zone.apex_label_count() + 1;
  if (name.label_count() < labels || !name.is_at_or_below(zone.apex())) return 0;
  return wire::SuffixHashes(name, key).of_last(labels);
}

}  // namespace

void KeptSoa::write(uint8_t* to, size_t longer) const {
  std::memcpy(to, record_.data(), bytes_);
  for (size_t i = 0; i < pointer_count_; ++i) {
    const size_t at = pointers_[i];
    store_be16(to + at, static_cast<uint16_t>(load_be16(record_.data() + at) + longer));
  }
}

bool KeptSoa::is_of(uint64_t apex_hash, Bytes source) const {
  return apex_hash == apex_hash_ && source.size() == source_bytes_ &&
         std::memcmp(source.data(), source_.data(), source.size()) == 0;
}

bool KeptSoa::make(const zone::ZoneView& zone, const zone::RrsetView& soa, uint64_t apex_hash,
                   const HashKey& key) {
  source_bytes_ = 0;
  if (soa.records.size() > source_.size()) return false;
  std::array<uint8_t, wire::header_bytes + wire::name_bytes_max + question_tail_bytes + bytes_max>
      message;
  wire::ResponseWriter writer(message, message.size());
  if (!writer.write_question(zone.apex(), wire::type_soa, wire::class_in)) return false;
  const size_t start = writer.size();
  const uint32_t minimum = load_be32(soa.records.data() + soa.records.size() - 4);
  const wire::Records records{soa.records, soa.count};
  if (!writer.add(wire::Section::authority, zone.apex(), records, minimum)) return false;
  bytes_ = static_cast<uint16_t>(writer.size() - start);
  std::memcpy(record_.data(), message.data() + start, bytes_);
  find_pointers();
  Bytes names = soa.records.subspan(zone::layout::record_header_bytes);
  for (uint64_t& child : children_) {
    const wire::NameView name(names.first(wire::uncompressed_name_size(names)));
    names = names.subspan(name.size());
    child = hash_of_child_of(zone, name, key);
  }
  std::memcpy(source_.data(), soa.records.data(), soa.records.size());
  source_bytes_ = static_cast<uint16_t>(soa.records.size());
  apex_hash_ = apex_hash;
  return true;
}

void KeptSoa::find_pointers() {
  pointer_count_ = 0;
  size_t at = 0;
  const auto pass_name = [&] {
    at += spelt_bytes(record_.data() + at);
    if (record_[at] == 0) {
      ++at;
      return;
    }
    pointers_[pointer_count_++] = static_cast<uint8_t>(at);
    at += 2;
  };
  pass_name();
  at += fixed_bytes;
  pass_name();
  pass_name();
}

const KeptSoa* KeptSoas::of(const zone::ZoneView& zone, uint64_t apex_hash, const HashKey& key) {
  const auto soa = zone.apex_node().find(wire::type_soa);
  if (!soa || soa->count != 1) return nullptr;
  KeptSoa& kept = kept_[apex_hash % zones_max];
  if (kept.is_of(apex_hash, soa->records)) return &kept;
  return kept.make(zone, *soa, apex_hash, key) ? &kept : nullptr;
}

}  // namespace holdfast::answer
