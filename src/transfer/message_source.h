// SPDX-License-Identifier: GPL-3.0-or-later
// The messages of a transfer that is ready to be sent, to any number of clients. Immutable; any
// thread.
#pragma once

#include <vector>

#include "base/error.h"

namespace holdfast::transfer {

class MessageSource {
 public:
  virtual ~MessageSource() = default;
  [[nodiscard]] virtual size_t message_count() const = 0;
  // As transfer/packer.h makes them.
  [[nodiscard]] virtual Result<std::vector<uint8_t>> read(size_t message) const = 0;
  [[nodiscard]] virtual uint64_t records() const = 0;
};

}  // namespace holdfast::transfer
