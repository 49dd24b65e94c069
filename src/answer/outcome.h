// SPDX-License-Identifier: GPL-3.0-or-later
// What became of a question: what the server counts, samples and sends.
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::answer {

// Why a request gets no response; each has exactly one counter.
enum class Silence : uint8_t {
  none,         // it gets one
  too_short,    // no whole header
  is_response,  // QR was set
};

enum class CookieStatus : uint8_t { absent, client_only, valid, invalid };

// The kind of answer, for counters and later for scores.
enum class Kind : uint8_t {
  positive,
  no_data,
  name_error,
  referral,
  alias,    // a CNAME or DNAME chain, whatever its end
  refused,  // outside our zones
  error,    // FORMERR, NOTIMP, BADVERS, SERVFAIL
  chaos,    // class CH
};

struct Outcome {
  Silence silence = Silence::none;
  size_t bytes = 0;    // of the response
  uint16_t rcode = 0;  // extended
  Kind kind = Kind::error;
  CookieStatus cookie = CookieStatus::absent;
  bool truncated = false;
};

}  // namespace holdfast::answer
