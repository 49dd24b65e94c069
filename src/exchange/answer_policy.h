// SPDX-License-Identifier: GPL-3.0-or-later
// What management decides and the answer processes follow: identity, EDNS, cookies, limits.
//
// A plain struct without pointers, published through base/published.h: each answer process copies
// it at the start of a batch when its generation has changed. One writer (control), many readers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace holdfast::exchange {

// Text of bounded length inside a struct that processes share.
template <size_t bytes_max>
struct BoundedText {
  uint16_t size = 0;
  std::array<char, bytes_max> bytes{};

  [[nodiscard]] std::string_view view() const { return {bytes.data(), size}; }
  // False, and nothing changed, if it does not fit.
  [[nodiscard]] bool assign(std::string_view text) {
    if (text.size() > bytes_max) return false;
    text.copy(bytes.data(), text.size());
    size = static_cast<uint16_t>(text.size());
    return true;
  }
};

using CookieSecret = std::array<uint8_t, 16>;

struct AnswerPolicy {
  // False until the first load is through: what no zone matches then gets SERVFAIL (EDE Not Ready)
  // instead of REFUSED.
  bool zones_complete = false;

  // CH TXT answers; an empty text hides the name (REFUSED). RFC 4892.
  BoundedText<255> version_bind;
  BoundedText<255> hostname_bind;  // also id.server
  BoundedText<128> nsid;           // RFC 5001; empty: not sent

  // Transfers, NOTIFY, UPDATE and signed requests are control's; else they are refused at once.
  bool passes_on = false;

  uint16_t udp_payload_bytes_max = 1232;  // RFC 9715 §3.1; also what our OPT offers

  // Server cookies (RFC 9018). `active` makes new ones; both are accepted.
  bool cookies_enabled = true;
  bool cookie_staged_present = false;
  CookieSecret cookie_active{};
  CookieSecret cookie_staged{};

  // TCP (RFC 7766 §6.2, RFC 9210 §4).
  uint32_t tcp_connections_max = 1024;            // a worker's
  uint32_t tcp_connections_per_address_max = 64;  // a worker's, by IPv4 /32 or IPv6 /64
  uint32_t tcp_idle_ms = 10'000;
  uint32_t tcp_read_ms = 5'000;   // from the first to the last byte of a message
  uint32_t tcp_write_ms = 5'000;  // for a response to be taken by its reader

  uint32_t dnstap_sample_every = 0;  // 1: every message, n: one in n, 0: none
};

static_assert(std::is_trivially_copyable_v<AnswerPolicy>);

}  // namespace holdfast::exchange
