// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/resolver_population.h"

#include <random>

#include "drill/popularity.h"

namespace holdfast::drill {
namespace {

constexpr uint32_t draws_max = 1U << 16;

}  // namespace

Result<Population> make_population(const PopulationShape& shape, AddressFamily family) {
  const std::vector<Prefix> addresses = TRY(spread_clients(shape.resolvers, family));
  std::mt19937_64 random(shape.seed);
  std::uniform_int_distribution<uint32_t> timeout_ms(400, 2000);
  std::uniform_real_distribution<double> back_off(1.5, 2);
  std::uniform_int_distribution<unsigned> tries(3, 7);
  std::uniform_real_distribution<double> share(0, 1);
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
    population.resolvers.push_back(resolver);
  }
  population.draws = zipf_draws(shape.resolvers, shape.size_exponent, draws_max);
  return population;
}

}  // namespace holdfast::drill
