// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/alias.h"

#include "answer/draft.h"

namespace holdfast::answer {

namespace {

constexpr size_t rdlength_offset = 10;
constexpr size_t rdata_offset = 12;

}  // namespace

wire::NameView alias_target(const zone::RrsetView& alias) {
  const uint16_t size = load_be16(alias.records.data() + rdlength_offset);
  return wire::NameView(alias.records.subspan(rdata_offset, size));
}

bool substitute_suffix(wire::NameView name, wire::NameView owner, wire::NameView target,
                       wire::Name& result) {
  return result.assign_joined(name.bytes().first(name.size() - owner.size()), target);
}

SynthesizedCname::SynthesizedCname(wire::NameView target, uint32_t ttl)
    : ttl_(ttl), size_(head_bytes + target.size()) {
  ByteWriter writer(record_);
  writer.write_u16(0xC00C);
  writer.write_u16(wire::type_cname);
  writer.write_u16(wire::class_in);
  writer.write_u32(ttl);
  writer.write_u16(static_cast<uint16_t>(target.size()));
  writer.write_bytes(target.bytes());
}

zone::RrsetView SynthesizedCname::rrset() const {
  return single_record(wire::type_cname, ttl_, Bytes(record_).first(size_));
}

}  // namespace holdfast::answer
