// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/decline.h"

#include "answer/cookies.h"
#include "answer/draft.h"
#include "answer/edns.h"

namespace holdfast::answer {

namespace {

constexpr size_t bytes_max = 512;  // RFC 1035 §4.2.1
constexpr unsigned opcode_bits = 0x7800;
constexpr unsigned rcode_bits = 0x000F;

enum class Why : uint8_t { not_ready, no_proof };

Outcome respond(Why why, const wire::Query& query, const exchange::Client& client,
                const exchange::AnswerPolicy& policy, uint32_t now_s, MutableBytes out) {
  wire::ResponseWriter writer(out, bytes_max);
  Draft draft(writer, Signatures::left_out);
  if (query.has_question && !writer.write_question(query.qname, query.qtype, query.qclass)) {
    draft.truncated = true;
  }
  writer.reserve(opt_bytes_needed(query.edns, policy));
  const CookieExchange cookie = exchange_cookies(query.edns, client, policy, now_s);
  draft.kind = Kind::error;
  if (why == Why::not_ready) {
    draft.rcode = wire::rcode_servfail;
    draft.extended_error = wire::ede_not_ready;
  } else if (cookie.status == CookieStatus::client_only || cookie.status == CookieStatus::invalid) {
    draft.rcode = wire::rcode_badcookie;
  } else {
    draft.truncated = true;
  }
  append_opt(draft, query, client, policy, cookie);

  const unsigned copied = opcode_bits | (query.opcode == wire::opcode_query ? wire::flag_rd : 0);
  unsigned flags = wire::flag_qr | (draft.rcode & rcode_bits) | (query.flags & copied);
  if (draft.truncated) flags |= wire::flag_tc;
  Outcome outcome;
  outcome.bytes = writer.finish(query.id, static_cast<uint16_t>(flags));
  outcome.rcode = draft.rcode;
  outcome.kind = draft.kind;
  outcome.cookie = cookie.status;
  outcome.truncated = draft.truncated;
  return outcome;
}

}  // namespace

Outcome decline(const wire::Query& query, const exchange::Client& client,
                const exchange::AnswerPolicy& policy, uint32_t now_s, MutableBytes out) {
  return respond(Why::not_ready, query, client, policy, now_s, out);
}

Outcome ask_for_proof(const wire::Query& query, const exchange::Client& client,
                      const exchange::AnswerPolicy& policy, uint32_t now_s, MutableBytes out) {
  return respond(Why::no_proof, query, client, policy, now_s, out);
}

}  // namespace holdfast::answer
