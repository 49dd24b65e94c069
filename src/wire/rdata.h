// SPDX-License-Identifier: GPL-3.0-or-later
// What RDATA consists of, type by type, as one table: where names stand, which of them may be
// compressed, which fold their case in canonical form, and whether bytes are well formed.
//
// All RDATA here is uncompressed wire form. Unknown types are one opaque field (RFC 3597). Nothing
// allocates.
#pragma once

#include "wire/name.h"
#include "wire/types.h"

namespace holdfast::wire {

enum class RdataField : uint8_t {
  none,
  u8,
  u16,
  u32,
  u64,
  type,  // 16 bits, a record type
  time,  // 32 bits, seconds since 1970 (RFC 4034 §3.1.5)
  ipv4,
  ipv6,
  eui48,
  eui64,
  node_id,            // 64 bits, written in four groups (RFC 6742 §2.1.1)
  name,               // neither compressed nor folded
  name_folded,        // case folds in canonical form (RFC 4034 §6.2, RFC 6840 §5.1)
  name_compressible,  // the same, and may be compressed when sent (RFC 3597 §4)
  string,             // length byte and text
  salt,               // length byte and bytes, possibly none (RFC 5155 §3.2)
  hash,               // length byte and at least one byte
  bitmap,             // type bitmap (RFC 4034 §4.1.2)
  hex,                // the rest, at least one byte
  base64,             // the rest, at least one byte
  text,               // the rest, at least one byte, as text
  parameters,         // SvcParams (RFC 9460 §2.2)
  location,           // RFC 1876 §2
  prefixes,           // RFC 3123 §4
  opaque,             // the rest, any bytes

  // Only in the table: they depend on what stands before them, or repeat. RdataParts gives them as
  // the fields above, no part at all for an absent gateway.
  strings,        // at least one string
  ipsec_gateway,  // RFC 4025 §2.5
  relay,          // RFC 8777 §4.2.4
  host_identity,  // hex (RFC 8005 §5)
  host_key,       // base64
  servers,        // names, possibly none
  a6_suffix,      // opaque (RFC 2874 §3.1)
  a6_prefix_name,
};

[[nodiscard]] constexpr bool is_name(RdataField field) {
  return field == RdataField::name || field == RdataField::name_folded ||
         field == RdataField::name_compressible;
}

struct RdataPart {
  RdataField field = RdataField::none;
  size_t offset = 0;  // in the RDATA
  Bytes bytes;        // with the length byte, where there is one
};

// Takes RDATA apart from left to right. At a fault it stops; `well_formed()` then tells.
class RdataParts {
 public:
  static constexpr size_t fields_max = 9;

  RdataParts(uint16_t type, Bytes rdata);

  // False at the end or at the first fault.
  [[nodiscard]] bool next(RdataPart& part);
  // After `next` has returned false: all bytes belong to a field, and no field lacks bytes.
  [[nodiscard]] bool well_formed() const { return !failed_; }

 private:
  [[nodiscard]] bool emit(RdataPart& part, RdataField field, size_t size);
  [[nodiscard]] bool emit_sized(RdataPart& part, RdataField field);
  [[nodiscard]] bool emit_gateway(RdataPart& part, unsigned kind);

  const std::array<RdataField, fields_max>* fields_;
  size_t index_ = 0;
  Bytes rdata_;
  size_t at_ = 0;
  bool failed_ = false;
};

// False for types whose RDATA is opaque here.
[[nodiscard]] bool has_rdata_layout(uint16_t type);

// True if `rdata` has the form of its type. Always true for unknown types.
[[nodiscard]] bool rdata_is_well_formed(uint16_t type, Bytes rdata);

// Calls visit(offset, NameView, RdataField) for each name up to the first fault; false at a fault.
template <typename Visit>
bool for_each_rdata_name(uint16_t type, Bytes rdata, Visit&& visit) {
  RdataParts parts(type, rdata);
  RdataPart part;
  while (parts.next(part)) {
    if (is_name(part.field)) visit(part.offset, NameView(part.bytes), part.field);
  }
  return parts.well_formed();
}

// Where the names stand that a sender may compress: `count` names one after another behind
// `offset` bytes. The types are those of RFC 1035 alone (RFC 3597 §4).
struct CompressibleNames {
  uint8_t offset = 0;
  uint8_t count = 0;
};

[[nodiscard]] constexpr CompressibleNames compressible_names(uint16_t type) {
  switch (type) {
    case type_ns:
    case type_md:
    case type_mf:
    case type_cname:
    case type_mb:
    case type_mg:
    case type_mr:
    case type_ptr:
      return {.offset = 0, .count = 1};
    case type_soa:
    case type_minfo:
      return {.offset = 0, .count = 2};
    case type_mx:
      return {.offset = 2, .count = 1};
    default:
      return {};
  }
}

// Puts the names that fold into lower case (RFC 4034 §6.2 as amended by RFC 6840 §5.1). False, and
// `rdata` in part folded, if it is not well formed.
bool fold_rdata_names(uint16_t type, MutableBytes rdata);

}  // namespace holdfast::wire
