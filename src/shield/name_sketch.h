// SPDX-License-Identifier: GPL-3.0-or-later
// How many distinct names there were, within a seventh or so, whatever their number.
//
// A HyperLogLog of 64 registers (Flajolet, Fusy, Gandouet, Meunier 2007), which takes the keyed
// hash that zone memory has looked the name up by: nobody outside knows which names share a
// register. One multiplication more spreads it: that of n1, n2, n3 is less random than counting
// needs. Its sum is kept as registers rise, which they seldom do, so that nothing has to be
// added up at the end of a window. Small numbers are told by how many registers are still empty.
// 72 bytes, zeroed: empty. One thread; never allocates.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace holdfast::shield {

class NameSketch {
 public:
  static constexpr size_t registers = 64;
  static constexpr uint64_t spread_by = 0x9e3779b97f4a7c15;

  void note(uint64_t hash) {
    const uint64_t spread = hash * spread_by;  // from its highest bits on
    const size_t at = spread / (~uint64_t{0} / registers + 1);
    const auto rank = static_cast<uint8_t>(std::countl_zero(spread * registers | last_bit) + 1);
    if (rank > ranks_[at]) raise(at, rank);
  }
  [[nodiscard]] uint32_t estimate() const {
    const uint64_t raw = scale * one / (registers * one - raised_);
    const bool is_small = filled_ < registers && raw <= registers * 5 / 2;
    return is_small ? by_filled[filled_] : static_cast<uint32_t>(raw);
  }
  void clear() {
    if (filled_ != 0) *this = NameSketch();
  }

 private:
  static constexpr unsigned rank_max = 25;
  static constexpr uint64_t last_bit = uint64_t{1} << (64 - rank_max);
  static constexpr uint64_t one = uint64_t{1} << rank_max;  // 2^-rank in these parts
  static constexpr uint64_t scale = 2904;                   // 0.709 (for 64 registers) * 64 * 64
  static_assert(registers * one <= uint64_t{1} << 31, "a sum fits a word");

  // Names that fill so many registers, on average: to fill the next one takes registers / empty.
  static constexpr std::array<uint32_t, registers + 1> by_filled = [] {
    std::array<uint32_t, registers + 1> names{};
    double sum = 0;
    for (size_t filled = 0; filled < registers; ++filled) {
      names[filled] = static_cast<uint32_t>(sum + 0.5);
      sum += static_cast<double>(registers) / static_cast<double>(registers - filled);
    }
    names[registers] = static_cast<uint32_t>(sum + 0.5);
    return names;
  }();

  void raise(size_t at, uint8_t rank) {
    const uint8_t before = ranks_[at];
    ranks_[at] = rank;
    raised_ += static_cast<uint32_t>((one >> before) - (one >> rank));
    filled_ += before == 0 ? 1 : 0;
  }

  std::array<uint8_t, registers> ranks_{};
  uint32_t raised_ = 0;  // registers * one less the sum of 2^-rank
  uint32_t filled_ = 0;  // registers
};
static_assert(sizeof(NameSketch) == 72);

}  // namespace holdfast::shield
