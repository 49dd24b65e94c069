// SPDX-License-Identifier: GPL-3.0-or-later
// The addresses that the configuration names of other servers: who may have some zone, is told of
// its changes, or has it for us. A rule for any address names nobody.
//
// As many as the configuration has; looked up in as many steps as there are lengths of prefixes.
// Never changed once it is in use; any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "config/config.h"

namespace holdfast::transfer {

class PeerAddresses {
 public:
  void add(const config::TransferSetting& setting);
  [[nodiscard]] bool has(Bytes address) const;  // 4 or 16 bytes

 private:
  using Length = std::pair<uint8_t, uint8_t>;  // of the address in bytes, of its prefix in bits
  struct Prefix {
    Length length;
    std::array<uint8_t, 16> address{};  // 0 behind the prefix
    auto operator<=>(const Prefix&) const = default;
  };

  [[nodiscard]] static Prefix prefix(Bytes address, uint8_t bits);
  void add(Bytes address, uint8_t bits);

  std::set<Prefix> prefixes_;
  std::set<Length> lengths_;  // of these
};

}  // namespace holdfast::transfer
