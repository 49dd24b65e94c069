// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/responder.h"

#include <algorithm>

#include "answer/chaos.h"
#include "answer/cookies.h"
#include "answer/edns.h"
#include "answer/resolve.h"
#include "answer/tsig_error.h"

namespace holdfast::answer {

namespace {

constexpr size_t udp_bytes_without_edns = 512;  // RFC 1035 §4.2.1
constexpr size_t tcp_bytes_max = 65535;
constexpr uint16_t opcode_bits = 0x7800;
constexpr uint16_t rcode_bits = 0x000F;

size_t response_bytes_max(const wire::Query& query, const exchange::Client& client,
                          const exchange::AnswerPolicy& policy) {
  if (client.protocol == exchange::Protocol::tcp) return tcp_bytes_max;
  if (!query.edns.present) return udp_bytes_without_edns;
  const size_t bytes = std::min(query.edns.payload_bytes, policy.udp_payload_bytes_max);
  return std::max(bytes, udp_bytes_without_edns);
}

void fail(Draft& draft, wire::Rcode rcode, std::optional<wire::ExtendedError> extended_error) {
  draft.kind = Kind::error;
  draft.rcode = rcode;
  if (extended_error) draft.extended_error = *extended_error;
}

void refuse(Draft& draft, wire::ExtendedError extended_error) {
  fail(draft, wire::rcode_refused, extended_error);
  draft.kind = Kind::refused;
}

// Types that only questions carry (RFC 6895 §3.1), except ANY: true if the draft was filled.
bool answer_meta_type(Draft& draft, uint16_t qtype) {
  if (qtype == wire::type_any || !wire::is_meta_type(qtype)) return false;
  switch (qtype) {
    case wire::type_axfr:
    case wire::type_ixfr:
      refuse(draft, wire::ede_prohibited);  // no transfers are offered
      return true;
    case wire::type_opt:
    case wire::type_tsig:
      fail(draft, wire::rcode_formerr, std::nullopt);  // these are never asked for
      return true;
    case wire::type_nxname:
      fail(draft, wire::rcode_formerr, wire::ede_invalid_query_type);  // RFC 9824 §3.5
      return true;
    default:
      fail(draft, wire::rcode_notimp, wire::ede_not_supported);
      return true;
  }
}

void answer_question(Draft& draft, const wire::Query& query, const zone::NameSearch* ahead,
                     const zone::MemoryReader& zones, const exchange::AnswerPolicy& policy) {
  const Question question{query.qname, query.qtype};
  const auto coverage = policy.zones_complete ? Coverage::complete : Coverage::still_loading;
  switch (query.qclass) {
    case wire::class_in:
      if (!answer_meta_type(draft, query.qtype)) resolve(draft, zones, question, ahead, coverage);
      return;
    case wire::class_ch:
      answer_chaos(draft, question, policy);
      return;
    default:
      refuse(draft, wire::ede_not_authoritative);
  }
}

// From the header inwards: what is not an ordinary question gets its RCODE here.
void decide(Draft& draft, wire::QueryError parsed, const wire::Query& query, CookieStatus cookie,
            const zone::NameSearch* ahead, const zone::MemoryReader& zones,
            const exchange::AnswerPolicy& policy) {
  if (query.opcode != wire::opcode_query) {
    fail(draft, wire::rcode_notimp, wire::ede_not_supported);
  } else if (parsed == wire::QueryError::malformed) {
    fail(draft, wire::rcode_formerr, std::nullopt);
  } else if (query.edns.version > 0) {
    fail(draft, wire::rcode_badvers, std::nullopt);  // RFC 6891 §6.1.3
  } else if (query.has_tsig) {
    fail(draft, wire::rcode_notauth, std::nullopt);  // RFC 8945 §5.2.1
  } else if (!query.has_question) {
    // RFC 7873 §5.4: a cookie alone, to get one or to ask whether it is still good.
    const bool is_bad = cookie == CookieStatus::invalid;
    fail(draft, is_bad ? wire::rcode_badcookie : wire::rcode_noerror, std::nullopt);
  } else {
    answer_question(draft, query, ahead, zones, policy);
  }
}

// RFC 1035 §4.1.1; RD is copied, and CD too (RFC 4035 §3.1.6). RA and AD stay clear. Under other
// opcodes than QUERY these bits have no meaning, so none is copied (RFC 8906 §3.1.4).
uint16_t response_flags(const Draft& draft, const wire::Query& query) {
  const bool is_query = query.opcode == wire::opcode_query;
  const unsigned copied = opcode_bits | (is_query ? wire::flag_rd | wire::flag_cd : 0);
  unsigned flags = wire::flag_qr | (draft.rcode & rcode_bits) | (query.flags & copied);
  if (draft.authoritative) flags |= wire::flag_aa;
  if (draft.truncated) flags |= wire::flag_tc;
  return static_cast<uint16_t>(flags);
}

void append_tsig_error(Draft& draft, Bytes packet, const wire::Query& query) {
  std::array<uint8_t, tsig_error_bytes_max> record;
  const size_t size = make_tsig_error(packet, query.tsig_start, record);
  if (size == 0) {
    draft.rcode = wire::rcode_formerr;
  } else if (!draft.writer().append_meta(Bytes(record).first(size))) {
    draft.truncated = true;
  }
}

}  // namespace

Outcome Responder::respond(Bytes packet, wire::QueryError parsed, const wire::Query& query,
                           const zone::NameSearch* ahead, const exchange::Client& client,
                           uint32_t now_s, MutableBytes out) {
  Outcome outcome;
  if (parsed == wire::QueryError::too_short || parsed == wire::QueryError::is_response) {
    const bool is_short = parsed == wire::QueryError::too_short;
    outcome.silence = is_short ? Silence::too_short : Silence::is_response;
    return outcome;
  }
  const size_t bytes_max = std::min(response_bytes_max(query, client, policy_), out.size());
  if (ahead != nullptr && parsed == wire::QueryError::none &&
      plain_.write({packet, query, *ahead, zones_}, policy_.udp_payload_bytes_max,
                   out.first(bytes_max), outcome)) {
    return outcome;
  }
  wire::ResponseWriter writer(out, bytes_max);
  Draft draft(writer, query.edns.dnssec_ok ? Signatures::included : Signatures::left_out);
  if (query.has_question && !writer.write_question(query.qname, query.qtype, query.qclass)) {
    draft.truncated = true;
  }
  writer.reserve(opt_bytes_needed(query.edns, policy_));
  const CookieExchange cookie = exchange_cookies(query.edns, client, policy_, now_s);

  decide(draft, parsed, query, cookie.status, ahead, zones_, policy_);

  append_opt(draft, query, client, policy_, cookie);
  if (draft.rcode == wire::rcode_notauth) append_tsig_error(draft, packet, query);
  outcome.bytes = writer.finish(query.id, response_flags(draft, query));
  outcome.rcode = draft.rcode;
  outcome.kind = draft.kind;
  outcome.cookie = cookie.status;
  outcome.truncated = draft.truncated;
  return outcome;
}

}  // namespace holdfast::answer
