// SPDX-License-Identifier: GPL-3.0-or-later
// A name's place in canonical order (RFC 4034 §6.1) as bytes that compare with memcmp.
//
// The labels below the apex from the last to the first, case folded, each closed by a zero. The
// bytes 0 and 1 inside a label become 1,1 and 1,2, so that a label sorts before those that begin
// with it. The apex is the empty key, and a name comes before what lies below it.
#pragma once

#include <array>

#include "base/bytes.h"

namespace holdfast::zone {

class OrderKey {
 public:
  OrderKey() { assign({}); }
  // Of whole labels without the root label, as in NodeView::relative_owner.
  explicit OrderKey(Bytes relative_owner) { assign(relative_owner); }

  void assign(Bytes relative_owner);
  [[nodiscard]] Bytes bytes() const { return {bytes_.data(), size_}; }
  // The eight or four bytes at `offset` as a big-endian number; zeros stand in for those past the
  // end. Of two keys with the same first `offset` bytes, the greater number is the greater key;
  // equal numbers say nothing.
  [[nodiscard]] uint64_t word64_at(size_t offset) const;
  [[nodiscard]] uint32_t word32_at(size_t offset) const {
    return static_cast<uint32_t>(word64_at(offset) >> 32);
  }
  [[nodiscard]] size_t common_with(const OrderKey& other) const;

 private:
  static constexpr size_t size_max = 2 * 255;  // every byte escaped
  static constexpr size_t word_bytes = 8;
  size_t size_ = 0;
  std::array<uint8_t, size_max + word_bytes> bytes_;  // zeros behind the last
};

[[nodiscard]] int compare(const OrderKey& a, const OrderKey& b);

}  // namespace holdfast::zone
