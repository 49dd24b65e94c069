// SPDX-License-Identifier: GPL-3.0-or-later
// How many connections each client has: a table that never allocates between resizes.
//
// A client is an IPv4 address or an IPv6 /64, which is what one customer has. Open addressing with
// a random key, at most half full, entries closed up when they fall to zero, so its size is bounded
// by the connections that exist. Thread: the owner's.
#pragma once

#include <netinet/in.h>

#include <vector>

#include "base/hash.h"

namespace holdfast::transport {

class AddressCounts {
 public:
  AddressCounts(size_t entries_max, const HashKey& key);

  // The client that `peer` (a sockaddr_in or sockaddr_in6) stands for; never 0.
  [[nodiscard]] static uint64_t client_of(const sockaddr_in6& peer);

  [[nodiscard]] uint32_t count(uint64_t client) const;
  void increment(uint64_t client);  // at most entries_max clients at a time
  void decrement(uint64_t client);
  // Room for more; what is counted stays.
  void grow(size_t entries_max);

 private:
  struct Entry {
    uint64_t client = 0;  // 0: free
    uint32_t count = 0;
  };
  [[nodiscard]] size_t home(uint64_t client) const;
  [[nodiscard]] size_t find(uint64_t client) const;  // its place, or the free one for it

  HashKey key_;
  std::vector<Entry> entries_;  // a power of two
};

}  // namespace holdfast::transport
