// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/edns.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::answer {

namespace {

constexpr uint32_t edns_flag_do = 0x8000;
constexpr size_t opt_head_bytes = 11;
constexpr size_t option_head_bytes = 4;
constexpr size_t nsid_bytes_max = decltype(exchange::AnswerPolicy::nsid){}.bytes.size();
constexpr size_t cookie_option_bytes = 8 + server_cookie_bytes;
constexpr size_t expire_bytes = 4;
constexpr size_t zoneversion_bytes = 6;
constexpr size_t keepalive_bytes = 2;
constexpr size_t extended_error_bytes = 2;
constexpr size_t opt_bytes_max = opt_head_bytes + 6 * option_head_bytes + nsid_bytes_max +
                                 cookie_option_bytes + expire_bytes + zoneversion_bytes +
                                 keepalive_bytes + extended_error_bytes;
constexpr size_t rdlength_offset = 9;  // root owner, type, class, ttl before it
constexpr uint8_t zoneversion_soa_serial = 0;
constexpr uint32_t keepalive_unit_ms = 100;
constexpr size_t soa_expire_from_end = 8;

void write_option_head(ByteWriter& opt, wire::EdnsOption code, size_t bytes) {
  opt.write_u16(code);
  opt.write_u16(static_cast<uint16_t>(bytes));
}

void write_nsid(ByteWriter& opt, const exchange::AnswerPolicy& policy) {
  if (policy.nsid.size == 0) return;
  write_option_head(opt, wire::option_nsid, policy.nsid.size);
  for (const char character : policy.nsid.view()) opt.write_u8(static_cast<uint8_t>(character));
}

void write_cookie(ByteWriter& opt, const wire::Edns& asked, const CookieExchange& cookie) {
  if (cookie.status == CookieStatus::absent) return;
  write_option_head(opt, wire::option_cookie, asked.client_cookie.size() + cookie.reply.size());
  opt.write_bytes(asked.client_cookie);
  opt.write_bytes(cookie.reply);
}

// RFC 7314 §3.1: a primary tells the EXPIRE field of the SOA, whatever was asked (§2); §3.3:
// nothing about zones that it is not authoritative for.
void write_expire(ByteWriter& opt, const Draft& draft) {
  if (!draft.authoritative || !draft.zone || !draft.zone->available()) return;
  const auto soa = draft.zone->apex_node().find(wire::type_soa);
  if (!soa) return;
  write_option_head(opt, wire::option_expire, expire_bytes);
  opt.write_bytes(soa->records.subspan(soa->records.size() - soa_expire_from_end, expire_bytes));
}

// RFC 9660 §3.2: the version of the zone that encloses the question's name; also in referrals, name
// errors and failures.
void write_zoneversion(ByteWriter& opt, const Draft& draft) {
  if (!draft.zone || !draft.zone->available()) return;
  write_option_head(opt, wire::option_zoneversion, zoneversion_bytes);
  opt.write_u8(static_cast<uint8_t>(draft.zone->apex_label_count()));
  opt.write_u8(zoneversion_soa_serial);
  opt.write_u32(draft.zone->serial());
}

void write_keepalive(ByteWriter& opt, const exchange::AnswerPolicy& policy) {
  write_option_head(opt, wire::option_keepalive, keepalive_bytes);
  opt.write_u16(static_cast<uint16_t>(
      std::min<uint32_t>(policy.tcp_idle_ms / keepalive_unit_ms, UINT16_MAX)));
}

void write_extended_error(ByteWriter& opt, const Draft& draft) {
  if (!draft.extended_error) return;
  write_option_head(opt, wire::option_ede, extended_error_bytes);
  opt.write_u16(*draft.extended_error);
}

// Zeros up to the next multiple of the block, or to the end of the room.
void write_padding(ByteWriter& opt, size_t message_bytes, size_t room) {
  const size_t unpadded = message_bytes + opt.size() + option_head_bytes;
  if (opt.size() + option_head_bytes > room) return;
  const size_t wanted =
      (padding_block_bytes - unpadded % padding_block_bytes) % padding_block_bytes;
  const size_t zeros = std::min(wanted, room - opt.size() - option_head_bytes);
  write_option_head(opt, wire::option_padding, zeros);
  for (size_t i = 0; i < zeros; ++i) opt.write_u8(0);
}

}  // namespace

size_t opt_bytes_needed(const wire::Edns& asked, const exchange::AnswerPolicy& policy) {
  if (!asked.present) return 0;
  size_t bytes = opt_head_bytes;
  if (asked.nsid) bytes += option_head_bytes + policy.nsid.size;
  if (asked.cookie_present) bytes += option_head_bytes + cookie_option_bytes;
  if (asked.expire) bytes += option_head_bytes + expire_bytes;
  if (asked.zoneversion) bytes += option_head_bytes + zoneversion_bytes;
  if (asked.keepalive) bytes += option_head_bytes + keepalive_bytes;
  return bytes;
}

void append_opt(Draft& draft, const wire::Query& query, const exchange::Client& client,
                const exchange::AnswerPolicy& policy, const CookieExchange& cookie) {
  const wire::Edns& asked = query.edns;
  if (!asked.present) return;
  std::array<uint8_t, opt_bytes_max + option_head_bytes + padding_block_bytes> record;
  ByteWriter opt(record);
  opt.write_u8(0);
  opt.write_u16(wire::type_opt);
  opt.write_u16(policy.udp_payload_bytes_max);
  opt.write_u32((uint32_t{draft.rcode} >> 4 << 24) | (asked.dnssec_ok ? edns_flag_do : 0));
  opt.write_u16(0);
  const size_t head_bytes = opt.size();
  if (asked.nsid) write_nsid(opt, policy);
  write_cookie(opt, asked, cookie);
  if (asked.expire) write_expire(opt, draft);
  if (asked.zoneversion) write_zoneversion(opt, draft);
  const bool over_tcp = client.protocol == exchange::Protocol::tcp;
  if (asked.keepalive && over_tcp) write_keepalive(opt, policy);  // RFC 7828 §3.3.2
  write_extended_error(opt, draft);
  wire::ResponseWriter& writer = draft.writer();
  if (asked.padding && client.encrypted) {  // RFC 7830 §4
    write_padding(opt, writer.size(), writer.room_with_reserve());
  }
  CHECK(!opt.failed());
  store_be16(record.data() + rdlength_offset, static_cast<uint16_t>(opt.size() - head_bytes));
  const bool fits = writer.append_meta(opt.written());
  CHECK(fits);
}

}  // namespace holdfast::answer
