// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/popularity.h"

#include <cmath>

#include "base/check.h"

namespace holdfast::drill {

std::vector<uint32_t> zipf_draws(uint32_t count, double exponent, uint32_t draws) {
  CHECK(count > 0 && draws > 0 && exponent >= 0);
  double total = 0;
  for (uint32_t rank = 1; rank <= count; ++rank) total += std::pow(rank, -exponent);
  std::vector<uint32_t> drawn(draws);
  uint32_t rank = 1;
  double reached = 1;  // weight of all ranks up to and with this one
  for (uint32_t index = 0; index < draws; ++index) {
    // The middle of each draw's share of the whole.
    const double wanted = (index + 0.5) / draws * total;
    while (reached < wanted && rank < count) reached += std::pow(++rank, -exponent);
    drawn[index] = rank - 1;
  }
  return drawn;
}

}  // namespace holdfast::drill
