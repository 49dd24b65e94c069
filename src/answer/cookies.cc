// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/cookies.h"

#include <algorithm>

#include "base/hash.h"

namespace holdfast::answer {

namespace {

constexpr uint8_t cookie_version = 1;
constexpr size_t client_cookie_bytes = 8;
constexpr size_t prefix_bytes = 8;  // version, three reserved bytes, timestamp
constexpr size_t hash_bytes = 8;
constexpr size_t address_bytes_max = 16;

// RFC 9018 §4.4: SipHash-2-4(client cookie | version | reserved | timestamp | client address).
std::array<uint8_t, hash_bytes> cookie_hash(Bytes client_cookie, Bytes prefix, Bytes address,
                                            const exchange::CookieSecret& secret) {
  std::array<uint8_t, client_cookie_bytes + prefix_bytes + address_bytes_max> input;
  ByteWriter writer(input);
  writer.write_bytes(client_cookie);
  writer.write_bytes(prefix);
  writer.write_bytes(address);
  const uint64_t value = siphash24(writer.written(), secret);
  std::array<uint8_t, hash_bytes> hash;
  for (size_t i = 0; i < hash.size(); ++i) hash[i] = static_cast<uint8_t>(value >> (8 * i));
  return hash;
}

// Without an early end, so that the time taken tells nothing about the hash.
bool equal_in_constant_time(Bytes a, Bytes b) {
  unsigned difference = 0;
  for (size_t i = 0; i < b.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

bool is_genuine(const wire::Edns& edns, Bytes address, const exchange::CookieSecret& secret) {
  const auto hash =
      cookie_hash(edns.client_cookie, edns.server_cookie.first(prefix_bytes), address, secret);
  return equal_in_constant_time(edns.server_cookie.subspan(prefix_bytes), hash);
}

// Seconds since the cookie was made, in serial number arithmetic (RFC 1982, RFC 9018 §4.3).
int32_t age_s(const wire::Edns& edns, uint32_t now_s) {
  return static_cast<int32_t>(now_s - load_be32(edns.server_cookie.data() + 4));
}

ServerCookie make_cookie(Bytes client_cookie, Bytes address, const exchange::CookieSecret& secret,
                         uint32_t now_s) {
  ServerCookie cookie{cookie_version};
  store_be32(cookie.data() + 4, now_s);
  const auto hash = cookie_hash(client_cookie, Bytes(cookie).first(prefix_bytes), address, secret);
  std::copy(hash.begin(), hash.end(), cookie.begin() + prefix_bytes);
  return cookie;
}

}  // namespace

CookieExchange exchange_cookies(const wire::Edns& edns, const exchange::Client& client,
                                const exchange::AnswerPolicy& policy, uint32_t now_s) {
  if (!policy.cookies_enabled || !edns.cookie_present) return {};
  CookieExchange exchange;
  exchange.status = edns.server_cookie.empty() ? CookieStatus::client_only : CookieStatus::invalid;
  const bool is_our_form = edns.server_cookie.size() == server_cookie_bytes &&
                           edns.server_cookie.front() == cookie_version;
  if (is_our_form) {
    const int32_t age = age_s(edns, now_s);
    const bool in_time = age <= cookie_age_max_s && age >= -cookie_ahead_max_s;
    const bool active = in_time && is_genuine(edns, client.address, policy.cookie_active);
    const bool staged = in_time && !active && policy.cookie_staged_present &&
                        is_genuine(edns, client.address, policy.cookie_staged);
    if (active || staged) exchange.status = CookieStatus::valid;
    if (active && age <= cookie_renewal_s) {
      std::copy(edns.server_cookie.begin(), edns.server_cookie.end(), exchange.reply.begin());
      return exchange;
    }
  }
  exchange.reply = make_cookie(edns.client_cookie, client.address, policy.cookie_active, now_s);
  return exchange;
}

}  // namespace holdfast::answer
