// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/decline.h"

#include "answer/cookies.h"
#include "answer/draft.h"
#include "answer/edns.h"

namespace holdfast::answer {

namespace {

constexpr size_t bytes_max = 512;  // RFC 1035 §4.2.1
constexpr unsigned opcode_bits = 0x7800;

}  // namespace

Outcome decline(const wire::Query& query, const exchange::Client& client,
                const exchange::AnswerPolicy& policy, uint32_t now_s, MutableBytes out) {
  wire::ResponseWriter writer(out, bytes_max);
  Draft draft(writer, Signatures::left_out);
  if (query.has_question && !writer.write_question(query.qname, query.qtype, query.qclass)) {
    draft.truncated = true;
  }
  writer.reserve(opt_bytes_needed(query.edns, policy));
  const CookieExchange cookie = exchange_cookies(query.edns, client, policy, now_s);
  draft.kind = Kind::error;
  draft.rcode = wire::rcode_servfail;
  draft.extended_error = wire::ede_not_ready;
  append_opt(draft, query, client, policy, cookie);

  const unsigned copied = opcode_bits | (query.opcode == wire::opcode_query ? wire::flag_rd : 0);
  Outcome outcome;
  outcome.bytes = writer.finish(
      query.id, static_cast<uint16_t>(wire::flag_qr | draft.rcode | (query.flags & copied)));
  outcome.rcode = draft.rcode;
  outcome.kind = draft.kind;
  outcome.cookie = cookie.status;
  outcome.truncated = draft.truncated;
  return outcome;
}

}  // namespace holdfast::answer
