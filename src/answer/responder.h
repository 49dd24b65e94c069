// SPDX-License-Identifier: GPL-3.0-or-later
// From a parsed request and zone memory to the bytes of a response.
//
// Decides all DNS meaning of the answer processes: zone matching, wildcards, aliases, referrals,
// denial, EDNS, cookies, CH names, RCODEs. No I/O, no clock, no allocation, no lock. One Responder
// a worker; the caller has entered its epoch.
#pragma once

#include "answer/outcome.h"
#include "answer/plain.h"
#include "exchange/answer_policy.h"
#include "exchange/client.h"
#include "wire/query.h"
#include "zone/name_search.h"

namespace holdfast::answer {

class Responder {
 public:
  Responder(const zone::MemoryReader& zones, const exchange::AnswerPolicy& policy)
      : zones_(zones), policy_(policy) {}

  // Writes the response to `query` into `out` and says what it was. `packet` are the request's
  // bytes, `parsed` what parse_query said of them. `out` holds at least 512 bytes; a UDP response
  // is further bounded by the client's EDNS and the policy, a TCP one by 65,535. `now_s` is wall
  // time, for cookies.
  Outcome respond(Bytes packet, wire::QueryError parsed, const wire::Query& query,
                  const exchange::Client& client, uint32_t now_s, MutableBytes out) {
    return respond(packet, parsed, query, nullptr, client, now_s, out);
  }
  // The same with the finished search for the question's name, or null.
  Outcome respond(Bytes packet, wire::QueryError parsed, const wire::Query& query,
                  const zone::NameSearch* ahead, const exchange::Client& client, uint32_t now_s,
                  MutableBytes out);

 private:
  const zone::MemoryReader& zones_;
  const exchange::AnswerPolicy& policy_;
  PlainAnswers plain_;
};

}  // namespace holdfast::answer
