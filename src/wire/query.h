// SPDX-License-Identifier: GPL-3.0-or-later
// Reads a DNS request: header, question, EDNS. Strict about form, silent about meaning.
//
// A Query refers to the packet's bytes and is valid as long as they are. No allocation.
#pragma once

#include "wire/name.h"
#include "wire/types.h"

namespace holdfast::wire {

constexpr size_t header_bytes = 12;

// Bits of the header's second 16-bit word (RFC 1035 §4.1.1, RFC 4035 §3.1.6).
enum HeaderFlag : uint16_t {
  flag_qr = 0x8000,
  flag_aa = 0x0400,
  flag_tc = 0x0200,
  flag_rd = 0x0100,
  flag_ra = 0x0080,
  flag_ad = 0x0020,
  flag_cd = 0x0010,
};

struct Edns {
  bool present = false;
  uint8_t version = 0;
  bool dnssec_ok = false;
  uint16_t payload_bytes = 512;  // as offered, at least 512 (RFC 6891 §6.2.3)
  bool nsid = false;
  bool expire = false;
  bool zoneversion = false;
  bool keepalive = false;
  bool padding = false;
  bool cookie_present = false;
  Bytes client_cookie;  // 8 bytes if cookie_present
  Bytes server_cookie;  // 8 to 32 bytes, or empty (RFC 7873 §4)
};

// What to do with a packet that is not a well-formed request.
enum class QueryError : uint8_t {
  none,
  too_short,    // no whole header: nothing can be answered
  is_response,  // QR set: never answered, or two servers would answer each other for ever
  malformed,    // FORMERR; `id`, `flags` are set, the question only if has_question
};

struct Query {
  uint16_t id = 0;
  uint16_t flags = 0;  // the header's second word
  uint8_t opcode = 0;
  bool has_question = false;  // qname, qtype, qclass are set
  NameView qname;             // uncompressed in the packet, its case as asked
  uint16_t qtype = 0;
  uint16_t qclass = 0;
  size_t question_end = header_bytes;  // offset past the first question
  Edns edns;
  bool has_tsig = false;  // as the last record (RFC 8945 §5.1)
};

[[nodiscard]] QueryError parse_query(Bytes packet, Query& query);

}  // namespace holdfast::wire
