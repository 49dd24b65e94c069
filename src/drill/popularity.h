// SPDX-License-Identifier: GPL-3.0-or-later
// How often each of many things is drawn: Zipf's law, where the n-th gets 1/n^s of the first.
#pragma once

#include <cstdint>
#include <vector>

namespace holdfast::drill {

// `draws` numbers below `count`, each as often as its share has it, rising: whoever picks among
// them evenly at random draws by Zipf's law. Exact but for rounding to whole draws, so things whose
// share is below 1/draws stand only here and there. `count` and `draws` above 0, `exponent` at
// least 0 (0: all alike).
[[nodiscard]] std::vector<uint32_t> zipf_draws(uint32_t count, double exponent, uint32_t draws);

}  // namespace holdfast::drill
