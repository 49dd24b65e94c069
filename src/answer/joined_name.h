// SPDX-License-Identifier: GPL-3.0-or-later
// A name put together for a moment, of labels and the name that they stand before.
//
// As wire::Name, but nothing is cleared beforehand: to prove that a name does not exist takes four
// such names, and to clear them took longer than to write them. Holds its own bytes.
#pragma once

#include <array>
#include <cstring>

#include "wire/name.h"

namespace holdfast::answer {

class JoinedName {
 public:
  // `labels` are whole, without a root label. False, and there is no name, if it is too long.
  [[nodiscard]] bool assign(Bytes labels, wire::NameView suffix) {
    if (labels.size() + suffix.size() > bytes_.size()) return false;
    std::memcpy(bytes_.data(), labels.data(), labels.size());
    std::memcpy(bytes_.data() + labels.size(), suffix.data(), suffix.size());
    size_ = labels.size() + suffix.size();
    return true;
  }
  // RFC 4592 §2.1.1: of the name's children.
  [[nodiscard]] bool assign_wildcard_of(wire::NameView parent) {
    constexpr std::array<uint8_t, 2> wildcard_label{1, '*'};
    return assign(wildcard_label, parent);
  }
  // After it has been assigned.
  [[nodiscard]] wire::NameView view() const { return wire::NameView(Bytes(bytes_).first(size_)); }

 private:
  std::array<uint8_t, wire::name_bytes_max> bytes_;
  size_t size_ = 0;
};

}  // namespace holdfast::answer
