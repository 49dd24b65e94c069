// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/rdata_order.h"

#include <algorithm>
#include <cstring>

#include "wire/rdata.h"

namespace holdfast::zone {

namespace {

// The bytes of RDATA with its folding names in lower case, read from left to right.
class FoldedBytes {
 public:
  FoldedBytes(uint16_t type, Bytes rdata) : rdata_(rdata) {
    wire::for_each_rdata_name(type, rdata,
                              [&](size_t offset, wire::NameView name, wire::RdataField field) {
                                if (field == wire::RdataField::name) return;
                                if (begin_ == end_) begin_ = offset;
                                end_ = offset + name.size();  // a second name follows the first
                              });
  }

  [[nodiscard]] bool has_names() const { return begin_ < end_; }
  [[nodiscard]] uint8_t operator[](size_t at) const {
    return at >= begin_ && at < end_ ? wire::to_lower(rdata_[at]) : rdata_[at];
  }

 private:
  Bytes rdata_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace

int compare_rdata(uint16_t type, Bytes a, Bytes b) {
  const size_t shared = std::min(a.size(), b.size());
  const FoldedBytes folded_a(type, a);
  const FoldedBytes folded_b(type, b);
  if (folded_a.has_names() || folded_b.has_names()) {
    for (size_t i = 0; i < shared; ++i) {
      const int difference = folded_a[i] - folded_b[i];
      if (difference != 0) return difference;
    }
  } else if (shared > 0) {
    const int difference = std::memcmp(a.data(), b.data(), shared);
    if (difference != 0) return difference;
  }
  return a.size() < b.size() ? -1 : static_cast<int>(a.size() > b.size());
}

}  // namespace holdfast::zone
