// SPDX-License-Identifier: GPL-3.0-or-later
// The resolvers that ask in quiet times: how big each is, and what it can and does.
//
// The shares are what measurements of real resolvers give: few send most, 1 to 3 % cannot use TCP,
// below 10 % send cookies; a question is repeated 3 to 7 times after 0.4 to 2 s, each wait 1.5 to 2
// times the last. The same seed gives the same population.
#pragma once

#include <vector>

#include "drill/client_addresses.h"

namespace holdfast::drill {

// What is worth telling apart in a verdict; the first that holds.
enum class ClientKind : uint8_t {
  shared,       // its address sends part of the attack too
  never_seen,   // does not ask before the attack
  over_tcp,     // asks over TCP only
  without_tcp,  // cannot use TCP
  with_cookies,
  known  // none of these
};
constexpr size_t client_kinds = 6;

struct Resolver {
  Prefix address;
  ClientKind kind = ClientKind::known;
  uint8_t hop_limit = 64;      // as it arrives
  uint32_t timeout_ms = 1000;  // of the first try
  double back_off = 2;         // what each further wait is multiplied by
  unsigned tries = 3;
  bool can_use_tcp = true;
  bool sends_cookies = false;
  bool asks_over_tcp = false;
};

struct PopulationShape {
  uint32_t resolvers = 1000;
  double size_exponent = 1;  // the n-th asks 1/n^S as often as the first
  double without_tcp = 0.02;
  double with_cookies = 0.08;
  double over_tcp = 0;
  double never_seen = 0;
  uint32_t shared = 0;  // of the biggest
  bool wide = false;    // addresses of wide_clients
  uint64_t seed = 1;
};

struct Population {
  std::vector<Resolver> resolvers;
  std::vector<uint32_t> draws;  // a resolver's number as often as its size has it; see popularity.h
  std::vector<uint32_t> seen_draws;  // the same without those that are never seen before
  std::vector<uint32_t> seen;        // each of these once
};

[[nodiscard]] Result<Population> make_population(const PopulationShape& shape,
                                                 AddressFamily family);

}  // namespace holdfast::drill
