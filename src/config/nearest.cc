// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/nearest.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace holdfast::config {

namespace {

char to_lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter;
}

using Row = std::array<size_t, word_bytes_max + 1>;

size_t distance(std::string_view a, std::string_view b) {
  std::array<Row, 3> rows{};  // of the letters before the last, the last and this one of `a`
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    Row& row = rows[i % 3];
    const Row& above = rows[(i + 2) % 3];
    const Row& second_above = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const char x = to_lower(a[i - 1]);
      const char y = to_lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (x == y ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && x == to_lower(b[j - 2]) && to_lower(a[i - 2]) == y;
      if (swapped) row[j] = std::min(row[j], second_above[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known) {
  if (word.size() > word_bytes_max) return {};
  std::string_view nearest;
  size_t nearest_distance = word_bytes_max;
  for (const std::string_view candidate : known) {
    if (candidate.size() > word_bytes_max) continue;
    const size_t away = distance(word, candidate);
    const size_t longer = std::max(word.size(), candidate.size());
    if (away > std::max<size_t>(2, longer / 3)) continue;
    // All letters changed is another word, however short.
    if (away < nearest_distance && away < longer) {
      nearest = candidate;
      nearest_distance = away;
    }
  }
  return nearest;
}

}  // namespace holdfast::config
