// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/address_counts.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace holdfast::transport {

AddressCounts::AddressCounts(size_t entries_max, const HashKey& key)
    : key_(key), entries_(std::bit_ceil(entries_max * 2 + 2)) {}

uint64_t AddressCounts::client_of(const sockaddr_in6& peer) {
  if (peer.sin6_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(peer);
    uint32_t address = 0;
    std::memcpy(&address, &four.sin_addr, sizeof address);
    return uint64_t{address} << 32 | 1;  // ends in 1, unlike real IPv6 /64 prefixes in use
  }
  uint64_t client = 0;
  std::memcpy(&client, peer.sin6_addr.s6_addr, sizeof client);
  return client == 0 ? 1 : client;  // ::1 and IPv4-mapped addresses share one
}

size_t AddressCounts::home(uint64_t client) const {
  return hash_mix(client ^ key_.low, key_.high | 1) & (entries_.size() - 1);
}

size_t AddressCounts::find(uint64_t client) const {
  size_t at = home(client);
  while (entries_[at].client != 0 && entries_[at].client != client) {
    at = (at + 1) & (entries_.size() - 1);
  }
  return at;
}

uint32_t AddressCounts::count(uint64_t client) const { return entries_[find(client)].count; }

void AddressCounts::increment(uint64_t client) {
  Entry& entry = entries_[find(client)];
  entry.client = client;
  ++entry.count;
}

void AddressCounts::decrement(uint64_t client) {
  size_t hole = find(client);
  CHECK(entries_[hole].count > 0);
  if (--entries_[hole].count > 0) return;
  entries_[hole] = {};
  // Whoever was pushed past the hole moves back, so that a search may stop at a free place.
  const size_t mask = entries_.size() - 1;
  for (size_t at = (hole + 1) & mask; entries_[at].client != 0; at = (at + 1) & mask) {
    const size_t pushed = (at - home(entries_[at].client)) & mask;
    if (pushed < ((at - hole) & mask)) continue;
    std::swap(entries_[hole], entries_[at]);
    hole = at;
  }
}

void AddressCounts::grow(size_t entries_max) {
  AddressCounts larger(entries_max, key_);
  if (larger.entries_.size() <= entries_.size()) return;
  for (const Entry& entry : entries_) {
    if (entry.client != 0) larger.entries_[larger.find(entry.client)] = entry;
  }
  *this = std::move(larger);
}

}  // namespace holdfast::transport
