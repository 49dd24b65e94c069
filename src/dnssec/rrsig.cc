// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/rrsig.h"

#include "wire/rdata.h"
#include "wire/types.h"

namespace holdfast::dnssec {

namespace {

void append_u16(std::vector<uint8_t>& bytes, uint16_t value) {
  bytes.push_back(static_cast<uint8_t>(value >> 8));
  bytes.push_back(static_cast<uint8_t>(value));
}
void append_u32(std::vector<uint8_t>& bytes, uint32_t value) {
  append_u16(bytes, static_cast<uint16_t>(value >> 16));
  append_u16(bytes, static_cast<uint16_t>(value));
}
void append(std::vector<uint8_t>& bytes, Bytes more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

// RFC 4035 §5.3.2: the owner, or, of what a wildcard gave, the wildcard. False if it has too few
// labels.
bool make_signed_owner(wire::NameView owner, uint8_t labels, wire::Name& name) {
  const uint8_t of_owner = signed_labels(owner);
  if (labels > of_owner) return false;
  if (labels == of_owner) {
    name.assign(owner);
  } else if (!name.assign_wildcard_of(owner.last_labels(labels))) {
    return false;
  }
  name.fold_case();
  return true;
}

}  // namespace

std::optional<Rrsig> Rrsig::parse(Bytes rdata) {
  ByteReader reader(rdata);
  Rrsig rrsig;
  rrsig.type_covered = reader.read_u16();
  rrsig.algorithm = reader.read_u8();
  rrsig.labels = reader.read_u8();
  rrsig.original_ttl = reader.read_u32();
  rrsig.expiration = reader.read_u32();
  rrsig.inception = reader.read_u32();
  rrsig.key_tag = reader.read_u16();
  if (reader.failed()) return std::nullopt;
  const Bytes rest = reader.read_bytes(reader.remaining());
  const size_t name_bytes = wire::uncompressed_name_size(rest);
  if (name_bytes == 0 || name_bytes == rest.size()) return std::nullopt;
  rrsig.signer = wire::NameView(rest.first(name_bytes));
  rrsig.signature = rest.subspan(name_bytes);
  return rrsig;
}

void Rrsig::append_head(std::vector<uint8_t>& bytes) const {
  append_u16(bytes, type_covered);
  bytes.push_back(algorithm);
  bytes.push_back(labels);
  append_u32(bytes, original_ttl);
  append_u32(bytes, expiration);
  append_u32(bytes, inception);
  append_u16(bytes, key_tag);
  for (const uint8_t byte : signer.bytes()) bytes.push_back(wire::to_lower(byte));
}

bool is_valid_at(const Rrsig& rrsig, uint64_t now_s) {
  const auto now = static_cast<uint32_t>(now_s);
  return !is_before(now, rrsig.inception) && !is_before(rrsig.expiration, now);
}

uint8_t signed_labels(wire::NameView owner) {
  return static_cast<uint8_t>(owner.label_count() - (owner.is_wildcard() ? 1U : 0U));
}

bool make_signed_data(const Rrsig& rrsig, wire::NameView owner, std::span<const Bytes> rdata,
                      std::vector<uint8_t>& bytes) {
  wire::Name name;
  if (!make_signed_owner(owner, rrsig.labels, name)) return false;
  bytes.clear();
  rrsig.append_head(bytes);
  for (const Bytes record : rdata) {
    append(bytes, name.view().bytes());
    append_u16(bytes, rrsig.type_covered);
    append_u16(bytes, wire::class_in);
    append_u32(bytes, rrsig.original_ttl);
    append_u16(bytes, static_cast<uint16_t>(record.size()));
    const size_t begin = bytes.size();
    append(bytes, record);
    if (!wire::fold_rdata_names(rrsig.type_covered, MutableBytes(bytes).subspan(begin))) {
      return false;
    }
  }
  return true;
}

}  // namespace holdfast::dnssec
