// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/peer_addresses.h"

#include <algorithm>

namespace holdfast::transfer {

void PeerAddresses::add(const config::TransferSetting& setting) {
  for (const config::AccessRule& rule : setting.transfer_to) {
    add(Bytes(rule.address).first(rule.address_size), rule.prefix_bits);
  }
  for (const auto* servers : {&setting.notify, &setting.primaries}) {
    for (const config::Remote& server : *servers) {
      const Bytes address = server.endpoint.address_bytes();
      add(address, static_cast<uint8_t>(address.size() * 8));
    }
  }
}

bool PeerAddresses::has(Bytes address) const {
  return std::ranges::any_of(lengths_, [&](const Length& length) {
    return length.first == address.size() && prefixes_.contains(prefix(address, length.second));
  });
}

PeerAddresses::Prefix PeerAddresses::prefix(Bytes address, uint8_t bits) {
  Prefix made{.length = {static_cast<uint8_t>(address.size()), bits}};
  for (size_t i = 0, left = bits; left > 0; ++i) {
    const size_t of_byte = std::min<size_t>(left, 8);
    made.address[i] = static_cast<uint8_t>(address[i] & (0xff << (8 - of_byte)));
    left -= of_byte;
  }
  return made;
}

void PeerAddresses::add(Bytes address, uint8_t bits) {
  if (bits == 0) return;  // anybody
  lengths_.insert(prefixes_.insert(prefix(address, bits)).first->length);
}

}  // namespace holdfast::transfer
