// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/order_key.h"

#include <algorithm>

#include "wire/name.h"

namespace holdfast::zone {

void OrderKey::assign(Bytes relative_owner) {
  std::array<uint8_t, wire::labels_max> offsets;
  size_t labels = 0;
  for (size_t at = 0; at < relative_owner.size(); at += 1U + relative_owner[at]) {
    offsets[labels++] = static_cast<uint8_t>(at);
  }
  size_ = 0;
  while (labels > 0) {
    const size_t at = offsets[--labels];
    for (const uint8_t byte : relative_owner.subspan(at + 1, relative_owner[at])) {
      if (byte <= 1) {
        bytes_[size_++] = 1;
        bytes_[size_++] = static_cast<uint8_t>(byte + 1);
      } else {
        bytes_[size_++] = wire::to_lower(byte);
      }
    }
    bytes_[size_++] = 0;
  }
  std::memset(bytes_.data() + size_, 0, word_bytes);
}

uint64_t OrderKey::word64_at(size_t offset) const {
  if (offset >= size_) return 0;
  return (uint64_t{load_be32(bytes_.data() + offset)} << 32) |
         load_be32(bytes_.data() + offset + 4);
}

size_t OrderKey::common_with(const OrderKey& other) const {
  const size_t shared = std::min(size_, other.size_);
  const auto* first = bytes_.data();
  return static_cast<size_t>(std::mismatch(first, first + shared, other.bytes_.data()).first -
                             first);
}

int compare(const OrderKey& a, const OrderKey& b) {
  const size_t shared = std::min(a.bytes().size(), b.bytes().size());
  const int difference = std::memcmp(a.bytes().data(), b.bytes().data(), shared);
  if (difference != 0) return difference;
  return static_cast<int>(a.bytes().size()) - static_cast<int>(b.bytes().size());
}

}  // namespace holdfast::zone
