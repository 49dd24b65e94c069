// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/rdata.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace holdfast::wire {

namespace {

using enum RdataField;

struct Layout {
  uint16_t type;
  std::array<RdataField, RdataParts::fields_max> fields;
};

// Ascending by type. Types that are not here (NULL, ATMA, SINK, ...) are opaque.
constexpr Layout layouts[] = {
    {type_a, {ipv4}},
    {type_ns, {name_compressible}},
    {type_md, {name_compressible}},
    {type_mf, {name_compressible}},
    {type_cname, {name_compressible}},
    {type_soa, {name_compressible, name_compressible, u32, u32, u32, u32, u32}},
    {type_mb, {name_compressible}},
    {type_mg, {name_compressible}},
    {type_mr, {name_compressible}},
    {11, {ipv4, u8, opaque}},  // WKS, RFC 1035 §3.4.2
    {type_ptr, {name_compressible}},
    {type_hinfo, {string, string}},
    {type_minfo, {name_compressible, name_compressible}},
    {type_mx, {u16, name_compressible}},
    {type_txt, {strings}},
    {type_rp, {name_folded, name_folded}},
    {type_afsdb, {u16, name_folded}},
    {19, {string}},   // X25, RFC 1183 §3.1
    {20, {strings}},  // ISDN, RFC 1183 §3.2
    {type_rt, {u16, name_folded}},
    {22, {hex}},   // NSAP, RFC 1706 §5
    {23, {name}},  // NSAP-PTR
    {type_sig, {type, u8, u8, u32, time, time, u16, name_folded, base64}},
    {type_key, {u16, u8, u8, base64}},
    {type_px, {u16, name_folded, name_folded}},
    {27, {string, string, string}},  // GPOS, RFC 1712 §3
    {type_aaaa, {ipv6}},
    {29, {location}},  // LOC
    {type_nxt, {name_folded, opaque}},
    {31, {hex}},  // EID
    {32, {hex}},  // NIMLOC
    {type_srv, {u16, u16, u16, name_folded}},
    {type_naptr, {u16, u16, string, string, string, name_folded}},
    {type_kx, {u16, name_folded}},
    {37, {u16, u16, u8, base64}},           // CERT, RFC 4398 §2
    {38, {u8, a6_suffix, a6_prefix_name}},  // A6
    {type_dname, {name_folded}},
    {42, {prefixes}},  // APL
    {type_ds, {u16, u8, u8, hex}},
    {44, {u8, u8, hex}},                        // SSHFP, RFC 4255 §3.1
    {45, {u8, u8, u8, ipsec_gateway, opaque}},  // IPSECKEY
    {type_rrsig, {type, u8, u8, u32, time, time, u16, name_folded, base64}},
    {type_nsec, {name, bitmap}},
    {type_dnskey, {u16, u8, u8, base64}},
    {49, {base64}},  // DHCID, RFC 4701 §3.1
    {type_nsec3, {u8, u8, u16, salt, hash, bitmap}},
    {type_nsec3param, {u8, u8, u16, salt}},
    {52, {u8, u8, u8, hex}},                                // TLSA, RFC 6698 §2.1
    {53, {u8, u8, u8, hex}},                                // SMIMEA, RFC 8162 §2
    {55, {u8, u8, u16, host_identity, host_key, servers}},  // HIP
    {56, {strings}},                                        // NINFO
    {57, {u16, u8, u8, base64}},                            // RKEY
    {58, {name, name}},                                     // TALINK
    {type_cds, {u16, u8, u8, hex}},
    {type_cdnskey, {u16, u8, u8, base64}},
    {61, {base64}},            // OPENPGPKEY, RFC 7929 §2.1
    {62, {u32, u16, bitmap}},  // CSYNC, RFC 7477 §2.1
    {type_zonemd, {u32, u8, u8, hex}},
    {type_svcb, {u16, name, parameters}},
    {type_https, {u16, name, parameters}},
    {type_dsync, {type, u8, u16, name}},
    {67, {base64}},                         // HHIT, RFC 9886
    {68, {base64}},                         // BRID, RFC 9886
    {99, {strings}},                        // SPF, RFC 7208 §3.1
    {104, {u16, node_id}},                  // NID, RFC 6742 §2.1
    {105, {u16, ipv4}},                     // L32, RFC 6742 §2.2
    {106, {u16, node_id}},                  // L64, RFC 6742 §2.3
    {107, {u16, name}},                     // LP, RFC 6742 §2.4
    {108, {eui48}},                         // RFC 7043 §3
    {109, {eui64}},                         // RFC 7043 §4
    {256, {u16, u16, text}},                // URI, RFC 7553 §4
    {257, {u8, string, opaque}},            // CAA, RFC 8659 §4.1
    {258, {strings}},                       // AVC
    {259, {u32, u32, u8, string, opaque}},  // DOA
    {260, {u8, u8, relay}},                 // AMTRELAY
    {type_resinfo, {strings}},
    {type_wallet, {strings}},
    {263, {strings}},             // CLA
    {264, {u64}},                 // IPN
    {32768, {u16, u8, u8, hex}},  // TA
    {32769, {u16, u8, u8, hex}},  // DLV, RFC 4431 §2
};

constexpr std::array<RdataField, RdataParts::fields_max> opaque_fields{opaque};

const Layout* find_layout(uint16_t type) {
  const auto found = std::ranges::lower_bound(layouts, type, {}, &Layout::type);
  return found != std::end(layouts) && found->type == type ? &*found : nullptr;
}

std::optional<size_t> at_least_one(Bytes left) {
  return left.empty() ? std::nullopt : std::optional(left.size());
}

std::optional<size_t> counted_size(Bytes left, size_t size_min) {
  if (left.empty() || left[0] < size_min) return std::nullopt;
  return 1U + left[0];
}

// RFC 4034 §4.1.2: windows ascend, each with 1 to 32 bytes.
std::optional<size_t> bitmap_size(Bytes left) {
  ByteReader reader(left);
  int last_window = -1;
  while (reader.remaining() > 0) {
    const uint8_t window = reader.read_u8();
    const uint8_t size = reader.read_u8();
    if (window <= last_window || size < 1 || size > 32 || !reader.skip(size)) return std::nullopt;
    last_window = window;
  }
  return left.size();
}

// RFC 9460 §2.2: keys ascend.
std::optional<size_t> parameters_size(Bytes left) {
  ByteReader reader(left);
  int last_key = -1;
  while (reader.remaining() > 0) {
    const uint16_t key = reader.read_u16();
    if (!reader.skip(reader.read_u16()) || reader.failed() || key <= last_key) return std::nullopt;
    last_key = key;
  }
  return left.size();
}

// RFC 3123 §4: each item is a family, a prefix length, and up to 127 bytes of an address.
std::optional<size_t> prefixes_size(Bytes left) {
  ByteReader reader(left);
  while (reader.remaining() > 0) {
    const uint16_t family = reader.read_u16();
    const uint8_t prefix_bits = reader.read_u8();
    const size_t size = reader.read_u8() & 0x7FU;
    if (!reader.skip(size) || reader.failed()) return std::nullopt;
    if (family == 1 && (prefix_bits > 32 || size > 4)) return std::nullopt;
    if (family == 2 && (prefix_bits > 128 || size > 16)) return std::nullopt;
  }
  return left.size();
}

std::optional<size_t> field_size(RdataField field, Bytes left) {
  switch (field) {
    case u8:
      return 1;
    case u16:
    case RdataField::type:
      return 2;
    case u32:
    case time:
    case ipv4:
      return 4;
    case eui48:
      return 6;
    case u64:
    case eui64:
    case node_id:
      return 8;
    case ipv6:
    case location:
      return 16;
    case name:
    case name_folded:
    case name_compressible: {
      const size_t size = uncompressed_name_size(left);
      return size > 0 ? std::optional(size) : std::nullopt;
    }
    case string:
    case salt:
      return counted_size(left, 0);
    case hash:
      return counted_size(left, 1);
    case bitmap:
      return bitmap_size(left);
    case parameters:
      return parameters_size(left);
    case prefixes:
      return prefixes_size(left);
    case hex:
    case base64:
    case text:
      return at_least_one(left);
    case opaque:
      return left.size();
    default:
      return std::nullopt;
  }
}

}  // namespace

RdataParts::RdataParts(uint16_t type, Bytes rdata) : fields_(&opaque_fields), rdata_(rdata) {
  if (const Layout* layout = find_layout(type)) fields_ = &layout->fields;
}

bool RdataParts::next(RdataPart& part) {
  while (!failed_ && index_ < fields_max && (*fields_)[index_] != none) {
    const RdataField field = (*fields_)[index_];
    if (at_ < rdata_.size()) {
      if (field == strings) return emit_sized(part, string);
      if (field == servers) return emit_sized(part, name);
    }
    ++index_;
    // The fields before these were read, so that the bytes that govern them are there.
    switch (field) {
      case strings:
        failed_ = at_ == 0;
        break;  // always the first field
      case servers:
        break;
      case ipsec_gateway:
        if (rdata_[1] != 0) return emit_gateway(part, rdata_[1]);
        break;
      case relay:
        if ((rdata_[1] & 0x7F) != 0) return emit_gateway(part, rdata_[1] & 0x7F);
        break;
      case host_identity:
        return emit(part, hex, rdata_[0]);
      case host_key:
        return emit(part, base64, load_be16(rdata_.data() + 2));
      case a6_suffix:
        failed_ = rdata_[0] > 128;
        return !failed_ && emit(part, opaque, (128U - rdata_[0] + 7U) / 8U);
      case a6_prefix_name:
        if (rdata_[0] > 0) return emit_sized(part, name_folded);
        break;
      default:
        return emit_sized(part, field);
    }
  }
  if (at_ != rdata_.size()) failed_ = true;
  return false;
}

bool RdataParts::emit(RdataPart& part, RdataField field, size_t size) {
  if (size > rdata_.size() - at_) {
    failed_ = true;
    return false;
  }
  part = {.field = field, .offset = at_, .bytes = rdata_.subspan(at_, size)};
  at_ += size;
  return true;
}

bool RdataParts::emit_sized(RdataPart& part, RdataField field) {
  const std::optional<size_t> size = field_size(field, rdata_.subspan(at_));
  if (!size) failed_ = true;
  return size && emit(part, field, *size);
}

bool RdataParts::emit_gateway(RdataPart& part, unsigned kind) {
  switch (kind) {
    case 1:
      return emit_sized(part, ipv4);
    case 2:
      return emit_sized(part, ipv6);
    case 3:
      return emit_sized(part, name);
    default:
      failed_ = true;
      return false;
  }
}

bool has_rdata_layout(uint16_t type) { return find_layout(type) != nullptr; }

bool rdata_is_well_formed(uint16_t type, Bytes rdata) {
  return for_each_rdata_name(type, rdata, [](size_t, NameView, RdataField) {});
}

bool fold_rdata_names(uint16_t type, MutableBytes rdata) {
  return for_each_rdata_name(type, rdata, [&](size_t offset, NameView found, RdataField field) {
    if (field == name) return;
    const MutableBytes bytes = rdata.subspan(offset, found.size());
    std::ranges::transform(bytes, bytes.begin(), to_lower);
  });
}

}  // namespace holdfast::wire
