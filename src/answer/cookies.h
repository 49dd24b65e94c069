// SPDX-License-Identifier: GPL-3.0-or-later
// DNS cookies (RFC 7873) in the form that servers of any make can share (RFC 9018).
//
// A server cookie proves that its client received a packet of ours at its address. No state: it is
// a hash under a secret that the servers of a fleet share. An invalid cookie is answered as if it
// were absent, with a good one (RFC 7873 §5.2.4).
#pragma once

#include "answer/outcome.h"
#include "exchange/answer_policy.h"
#include "exchange/client.h"
#include "wire/query.h"

namespace holdfast::answer {

constexpr size_t server_cookie_bytes = 16;
using ServerCookie = std::array<uint8_t, server_cookie_bytes>;

// RFC 9018 §4.3, in seconds.
constexpr int32_t cookie_age_max_s = 3600;
constexpr int32_t cookie_ahead_max_s = 300;
constexpr int32_t cookie_renewal_s = 1800;

struct CookieExchange {
  CookieStatus status = CookieStatus::absent;
  ServerCookie reply{};  // to send with the client's cookie, unless absent
};

[[nodiscard]] CookieExchange exchange_cookies(const wire::Edns& edns,
                                              const exchange::Client& client,
                                              const exchange::AnswerPolicy& policy, uint32_t now_s);

}  // namespace holdfast::answer
