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
//
// Checked: one question or none; an uncompressed question name; names, lengths and counts of all
// records; at most one OPT, owned by the root, in the additional section; the options' lengths and
// those of the known ones' data; TSIG only as the last record. Records other than these are walked
// over unread. Bytes behind the last record are ignored. EDNS of a version other than 0 is noted
// with its version; its options are not read.
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
  // qname, qtype, qclass are set. Without one, `none` means a request for a cookie alone
  // (RFC 7873 §5.4), an EDNS version other than 0, or an opcode other than QUERY.
  bool has_question = false;
  NameView qname;  // uncompressed in the packet, its case as asked
  uint16_t qtype = 0;
  uint16_t qclass = 0;
  size_t question_end = header_bytes;  // offset past the first question
  Edns edns;
  bool has_tsig = false;  // as the last record (RFC 8945 §5.1)
  size_t tsig_start = 0;  // offset of that record
};

// An opcode other than QUERY never gives `malformed`: question and EDNS are set as far as they can
// be read, for a NOTIMP that looks like its request. After `malformed`, `edns` holds what had been
// read of it before the fault.
[[nodiscard]] QueryError parse_query(Bytes packet, Query& query);

}  // namespace holdfast::wire
