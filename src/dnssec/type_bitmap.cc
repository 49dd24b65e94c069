// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/type_bitmap.h"

#include <algorithm>

namespace holdfast::dnssec {

void append_type_bitmap(std::vector<uint16_t>& types, std::vector<uint8_t>& bytes) {
  std::ranges::sort(types);
  types.erase(std::ranges::unique(types).begin(), types.end());
  constexpr size_t window_head_bytes = 2;
  size_t window_begin = 0;
  bool has_window = false;
  uint8_t window = 0;
  for (const uint16_t type : types) {
    if (!has_window || window != type >> 8) {
      window = static_cast<uint8_t>(type >> 8);
      has_window = true;
      window_begin = bytes.size();
      bytes.push_back(window);
      bytes.push_back(0);
    }
    const size_t octets = (type & 0xFFU) / 8 + 1;
    bytes.resize(window_begin + window_head_bytes + octets);  // types ascend, so it only grows
    bytes[window_begin + 1] = static_cast<uint8_t>(octets);
    bytes.back() |= static_cast<uint8_t>(0x80U >> (type & 7U));
  }
}

}  // namespace holdfast::dnssec
