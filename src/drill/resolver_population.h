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

struct Resolver {
  Prefix address;
  uint32_t timeout_ms = 1000;  // of the first try
  double back_off = 2;         // what each further wait is multiplied by
  unsigned tries = 3;
  bool can_use_tcp = true;
  bool sends_cookies = false;
};

struct PopulationShape {
  uint32_t resolvers = 1000;
  double size_exponent = 1;  // the n-th asks 1/n^S as often as the first
  double without_tcp = 0.02;
  double with_cookies = 0.08;
  uint64_t seed = 1;
};

struct Population {
  std::vector<Resolver> resolvers;
  std::vector<uint32_t> draws;  // a resolver's number as often as its size has it; see popularity.h
};

[[nodiscard]] Result<Population> make_population(const PopulationShape& shape,
                                                 AddressFamily family);

}  // namespace holdfast::drill
