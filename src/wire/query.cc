// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/query.h"

#include <algorithm>

namespace holdfast::wire {

namespace {

constexpr uint16_t edns_flag_do = 0x8000;       // RFC 6891 §6.1.4
constexpr uint16_t payload_bytes_min = 512;     // RFC 6891 §6.2.3
constexpr size_t client_cookie_bytes = 8;       // RFC 7873 §4.1
constexpr size_t server_cookie_bytes_min = 8;   // RFC 7873 §4.2
constexpr size_t server_cookie_bytes_max = 32;  // RFC 7873 §4.2
constexpr unsigned opcode_shift = 11;

enum class Section : uint8_t { answer, authority, additional };

// Moves past an owner name without following its pointer, which must go backwards into the message
// behind the header. No name is followed, so the walk costs each byte of the packet once.
bool skip_name(Bytes packet, ByteReader& reader) {
  const size_t start = reader.position();
  while (reader.position() - start < name_bytes_max) {
    const uint8_t length = reader.read_u8();
    if (reader.failed()) return false;
    if (length == 0) return true;
    if ((length & 0xC0) == 0xC0) {
      const size_t at = reader.position() - 1;
      if (!reader.skip(1)) return false;
      const size_t target = load_be16(packet.data() + at) & 0x3FFFU;
      return target >= header_bytes && target < start;
    }
    if (length > label_bytes_max || !reader.skip(length)) return false;
  }
  return false;
}

// RFC 7873 §5.2.2: any other length is a FORMERR. Of several cookies the first one counts (§5.2).
bool read_cookie(Bytes data, Edns& edns) {
  if (edns.cookie_present) return true;
  const size_t size = data.size();
  const bool server_size_good = size >= client_cookie_bytes + server_cookie_bytes_min &&
                                size <= client_cookie_bytes + server_cookie_bytes_max;
  if (size != client_cookie_bytes && !server_size_good) return false;
  edns.cookie_present = true;
  edns.client_cookie = data.first(client_cookie_bytes);
  edns.server_cookie = data.subspan(client_cookie_bytes);
  return true;
}

bool read_option(uint16_t code, Bytes data, Edns& edns) {
  switch (code) {
    case option_nsid:
      edns.nsid = true;
      return true;  // RFC 5001 §2.1: a payload is ignored
    case option_expire:
      edns.expire = true;
      return data.empty() || data.size() == 4;  // RFC 7314 §2: empty, or the response's form
    case option_cookie:
      return read_cookie(data, edns);
    case option_keepalive:
      edns.keepalive = true;
      return true;  // RFC 7828 §3.3.1: over UDP it must be ignored, whatever is in it
    case option_padding:
      edns.padding = true;
      return true;
    case option_zoneversion:
      edns.zoneversion = true;
      return true;  // RFC 9660 §3.2: a payload must be ignored
    default:
      return true;  // RFC 6891 §6.1.2: unknown options are ignored
  }
}

bool read_options(Bytes rdata, Edns& edns) {
  ByteReader reader(rdata);
  while (reader.remaining() > 0) {
    const uint16_t code = reader.read_u16();
    const uint16_t size = reader.read_u16();
    const Bytes data = reader.read_bytes(size);
    if (reader.failed() || !read_option(code, data, edns)) return false;
  }
  return true;
}

// RFC 6891 §6.1.2, §6.1.3: the class carries the payload size, the TTL version and flags.
bool read_opt(uint16_t opt_class, uint32_t opt_ttl, Bytes rdata, Edns& edns) {
  if (edns.present) return false;  // RFC 6891 §6.1.1: more than one is a FORMERR
  edns.present = true;
  edns.version = static_cast<uint8_t>(opt_ttl >> 16);
  edns.dnssec_ok = (opt_ttl & edns_flag_do) != 0;
  edns.payload_bytes = std::max(opt_class, payload_bytes_min);
  // The options of another version may be laid out otherwise; it gets BADVERS unread
  // (RFC 6891 §6.1.3).
  return edns.version != 0 || read_options(rdata, edns);
}

bool read_record(Bytes packet, ByteReader& reader, Section section, Query& query) {
  if (query.has_tsig) return false;  // RFC 8945 §5.1: TSIG is the last record
  const size_t start = reader.position();
  const bool root_owner = reader.remaining() > 0 && packet[reader.position()] == 0;
  if (!skip_name(packet, reader)) return false;
  const uint16_t type = reader.read_u16();
  const uint16_t record_class = reader.read_u16();
  const uint32_t ttl = reader.read_u32();
  const Bytes rdata = reader.read_bytes(reader.read_u16());
  if (reader.failed()) return false;
  if (type == type_opt) {  // RFC 6891 §6.1.1, §6.1.2
    return section == Section::additional && root_owner &&
           read_opt(record_class, ttl, rdata, query.edns);
  }
  if (type == type_tsig) {
    if (section != Section::additional) return false;
    query.has_tsig = true;
    query.tsig_start = start;
  }
  return true;
}

// Each record takes at least 11 bytes, so the packet's size bounds the walk, whatever the counts.
bool read_section(Bytes packet, ByteReader& reader, Section section, uint16_t count, Query& query) {
  for (uint16_t i = 0; i < count; ++i) {
    if (!read_record(packet, reader, section, query)) return false;
  }
  return true;
}

// No compression: nothing stands before the first name that it could point to.
bool read_question(Bytes packet, ByteReader& reader, Query& query) {
  const size_t name_size = uncompressed_name_size(packet.subspan(reader.position()));
  if (name_size == 0) return false;
  query.qname = NameView(reader.read_bytes(name_size));
  query.qtype = reader.read_u16();
  query.qclass = reader.read_u16();
  if (reader.failed()) return false;
  query.has_question = true;
  query.question_end = reader.position();
  return true;
}

// As before anything has been read. Member by member: to clear all of it at once the compiler takes
// an instruction that loops, and that takes longer than the header.
void clear(Query& query) {
  // A new member does not compile before it is here.
  auto& [id, flags, opcode, has_question, qname, qtype, qclass, question_end, edns, has_tsig,
         tsig_start] = query;
  id = 0;
  flags = 0;
  opcode = 0;
  has_question = false;
  qname = {};
  qtype = 0;
  qclass = 0;
  question_end = header_bytes;
  edns = {};
  has_tsig = false;
  tsig_start = 0;
}

struct Counts {
  uint16_t question;
  uint16_t answer;
  uint16_t authority;
  uint16_t additional;
};

// What most requests end with: one OPT and nothing else. Read at once, to the same effect as by
// read_record. False if it is anything else, or a fault.
bool read_lone_opt(Bytes packet, const ByteReader& reader, const Counts& counts, Query& query) {
  constexpr size_t head_bytes = 11;  // root, type, class, TTL, length
  if (counts.answer != 0 || counts.authority != 0 || counts.additional != 1) return false;
  if (reader.remaining() < head_bytes) return false;
  const uint8_t* record = packet.data() + reader.position();
  const size_t rdata_bytes = load_be16(record + 9);
  if (record[0] != 0 || load_be16(record + 1) != type_opt ||
      reader.remaining() - head_bytes < rdata_bytes) {
    return false;
  }
  return read_opt(load_be16(record + 3), load_be32(record + 5),
                  packet.subspan(reader.position() + head_bytes, rdata_bytes), query.edns);
}

// What follows the last counted record is ignored, as BIND and NSD do: such bytes come from
// padding on the way, and no meaning can be hidden in what nobody reads.
bool read_body(Bytes packet, ByteReader& reader, const Counts& counts, Query& query) {
  if (counts.question > 1) return false;  // RFC 9619 §4
  if (counts.question == 1 && !read_question(packet, reader, query)) return false;
  if (read_lone_opt(packet, reader, counts, query)) return true;
  if (query.edns.present) query.edns = {};  // read again, as far as it goes
  return read_section(packet, reader, Section::answer, counts.answer, query) &&
         read_section(packet, reader, Section::authority, counts.authority, query) &&
         read_section(packet, reader, Section::additional, counts.additional, query);
}

}  // namespace

QueryError parse_query(Bytes packet, Query& query) {
  clear(query);
  if (packet.size() < header_bytes) return QueryError::too_short;
  ByteReader reader(packet);
  query.id = reader.read_u16();
  query.flags = reader.read_u16();
  query.opcode = static_cast<uint8_t>((query.flags >> opcode_shift) & 0x0F);
  if ((query.flags & flag_qr) != 0) return QueryError::is_response;
  Counts counts{};
  counts.question = reader.read_u16();
  counts.answer = reader.read_u16();
  counts.authority = reader.read_u16();
  counts.additional = reader.read_u16();
  const bool well_formed = read_body(packet, reader, counts, query);
  // What other opcodes put behind the header is theirs to define; it is read as far as it can be.
  if (query.opcode != opcode_query) return QueryError::none;
  if (!well_formed) return QueryError::malformed;
  // RFC 7873 §5.4: without a question a request may ask for a cookie alone. An unknown EDNS
  // version is answered as such first.
  const bool may_lack_question =
      query.edns.present && (query.edns.cookie_present || query.edns.version != 0);
  return query.has_question || may_lack_question ? QueryError::none : QueryError::malformed;
}

}  // namespace holdfast::wire
