// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers of DNS: types, classes, opcodes, RCODEs, EDNS options, extended errors (IANA).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::wire {

// Record types that the program itself acts on; all others are carried by number.
enum Type : uint16_t {
  type_a = 1,
  type_ns = 2,
  type_md = 3,
  type_mf = 4,
  type_cname = 5,
  type_soa = 6,
  type_mb = 7,
  type_mg = 8,
  type_mr = 9,
  type_null = 10,
  type_ptr = 12,
  type_hinfo = 13,
  type_minfo = 14,
  type_mx = 15,
  type_txt = 16,
  type_rp = 17,
  type_afsdb = 18,
  type_rt = 21,
  type_sig = 24,
  type_key = 25,
  type_px = 26,
  type_aaaa = 28,
  type_nxt = 30,
  type_srv = 33,
  type_naptr = 35,
  type_kx = 36,
  type_dname = 39,
  type_opt = 41,
  type_ds = 43,
  type_rrsig = 46,
  type_nsec = 47,
  type_dnskey = 48,
  type_nsec3 = 50,
  type_nsec3param = 51,
  type_cds = 59,
  type_cdnskey = 60,
  type_csync = 62,
  type_zonemd = 63,
  type_svcb = 64,
  type_https = 65,
  type_dsync = 66,
  type_nxname = 128,
  type_tkey = 249,
  type_tsig = 250,
  type_ixfr = 251,
  type_axfr = 252,
  type_mailb = 253,
  type_maila = 254,
  type_any = 255,
  type_resinfo = 261,
  type_wallet = 262,
};

enum Class : uint16_t {
  class_in = 1,
  class_ch = 3,
  class_hs = 4,
  class_none = 254,
  class_any = 255
};

enum Opcode : uint8_t {
  opcode_query = 0,
  opcode_iquery = 1,
  opcode_status = 2,
  opcode_notify = 4,
  opcode_update = 5,
};

// RCODEs, extended ones included (RFC 6895 §2.3).
enum Rcode : uint16_t {
  rcode_noerror = 0,
  rcode_formerr = 1,
  rcode_servfail = 2,
  rcode_nxdomain = 3,
  rcode_notimp = 4,
  rcode_refused = 5,
  rcode_yxdomain = 6,
  rcode_notauth = 9,
  rcode_badvers = 16,
  rcode_badcookie = 23,
};

enum EdnsOption : uint16_t {
  option_nsid = 3,
  option_expire = 9,
  option_cookie = 10,
  option_keepalive = 11,
  option_padding = 12,
  option_ede = 15,
  option_zoneversion = 19,
};

// Extended DNS Errors (RFC 8914 and the IANA registry).
enum ExtendedError : uint16_t {
  ede_other = 0,
  ede_not_ready = 14,
  ede_blocked = 15,
  ede_prohibited = 18,
  ede_not_authoritative = 20,
  ede_not_supported = 21,
  ede_invalid_data = 24,
  ede_invalid_query_type = 30,
};

// The mnemonic of a type ("AAAA"), or "TYPE1234" (RFC 3597 §5) for one without.
[[nodiscard]] std::string type_to_text(uint16_t type);
// From a mnemonic in any case, or TYPEn.
[[nodiscard]] std::optional<uint16_t> type_from_text(std::string_view text);
// True for types that only questions carry (RFC 6895 §3.1: 128 to 255), and OPT.
[[nodiscard]] bool is_meta_type(uint16_t type);
[[nodiscard]] std::string rcode_to_text(uint16_t rcode);

}  // namespace holdfast::wire
