// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/address_counts.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/address.h"

namespace holdfast::transport {
namespace {

TEST(AddressCounts, CountsEachClientAndForgetsIt) {
  AddressCounts counts(1000, HashKey{3, 4});
  for (uint64_t round = 0; round < 3; ++round) {
    for (uint64_t client = 1; client <= 1000; ++client) {
      for (uint64_t i = 0; i <= client % 3; ++i) counts.increment(client);
    }
    for (uint64_t client = 1; client <= 1000; client += 2) {
      for (uint64_t i = 0; i <= client % 3; ++i) counts.decrement(client);
    }
    for (uint64_t client = 1; client <= 1000; ++client) {
      ASSERT_EQ(counts.count(client), client % 2 == 1 ? 0 : client % 3 + 1);
    }
    for (uint64_t client = 2; client <= 1000; client += 2) {
      for (uint64_t i = 0; i <= client % 3; ++i) counts.decrement(client);
    }
    counts.grow(size_t{1000} << round);
  }
}

TEST(AddressCounts, AnIpv6NetworkIsOneClient) {
  const auto client = [](const char* text) {
    sockaddr_storage storage{};
    sockaddr_in6 peer{};
    const auto size = parse_endpoint(text, 53)->to_sockaddr(storage);
    std::memcpy(&peer, &storage, size);
    return AddressCounts::client_of(peer);
  };
  EXPECT_EQ(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
  EXPECT_NE(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
  EXPECT_NE(client("192.0.2.1"), client("192.0.2.2"));
}

}  // namespace
}  // namespace holdfast::transport
