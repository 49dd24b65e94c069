// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/resolver_population.h"

#include <random>

#include "drill/popularity.h"

namespace holdfast::drill {
namespace {

constexpr uint32_t draws_max = 1U << 16;
constexpr unsigned initial_hop_limit = 64;

ClientKind kind_of(const Resolver& resolver, bool is_shared, bool is_never_seen) {
  if (is_shared) return ClientKind::shared;
  if (is_never_seen) return ClientKind::never_seen;
  if (resolver.asks_over_tcp) return ClientKind::over_tcp;
  if (!resolver.can_use_tcp) return ClientKind::without_tcp;
  return resolver.sends_cookies ? ClientKind::with_cookies : ClientKind::known;
}

}  // namespace

Result<Population> make_population(const PopulationShape& shape, AddressFamily family) {
  const std::vector<Prefix> addresses = shape.wide ? TRY(wide_clients(0, shape.resolvers, family))
                                                   : TRY(spread_clients(shape.resolvers, family));
  std::mt19937_64 random(shape.seed);
  std::uniform_int_distribution<uint32_t> timeout_ms(400, 2000);
  std::uniform_real_distribution<double> back_off(1.5, 2);
  std::uniform_int_distribution<unsigned> tries(3, 7);
  std::uniform_real_distribution<double> share(0, 1);
  std::uniform_int_distribution<unsigned> hops(4, 24);
  Population population;
  population.resolvers.reserve(addresses.size());
  for (const Prefix& address : addresses) {
    Resolver resolver;
    resolver.address = address;
    resolver.timeout_ms = timeout_ms(random);
    resolver.back_off = back_off(random);
    resolver.tries = tries(random);
    resolver.can_use_tcp = share(random) >= shape.without_tcp;
    resolver.sends_cookies = share(random) < shape.with_cookies;
    resolver.asks_over_tcp = resolver.can_use_tcp && share(random) < shape.over_tcp;
    const bool is_never_seen = share(random) < shape.never_seen;
    resolver.hop_limit = static_cast<uint8_t>(initial_hop_limit - hops(random));
    resolver.kind = kind_of(resolver, population.resolvers.size() < shape.shared, is_never_seen);
    population.resolvers.push_back(resolver);
  }
  for (uint32_t number = 0; number < population.resolvers.size(); ++number) {
    if (population.resolvers[number].kind != ClientKind::never_seen) {
      population.seen.push_back(number);
    }
  }
  population.draws = zipf_draws(shape.resolvers, shape.size_exponent, draws_max);
  for (const uint32_t number : population.draws) {
    if (population.resolvers[number].kind != ClientKind::never_seen) {
      population.seen_draws.push_back(number);
    }
  }
  if (population.seen_draws.empty()) return fail("no resolver is there that asks in quiet times");
  return population;
}

}  // namespace holdfast::drill
