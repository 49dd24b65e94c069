// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/client_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "drill/laboratory.h"

namespace holdfast::drill {
namespace {

std::string write_file(const std::string& content) {
  const std::string path = testing::TempDir() + "clients." + std::to_string(getpid());
  std::ofstream(path) << content;
  return path;
}

void expect_spread(uint32_t count, AddressFamily family, const char* own_network) {
  const auto clients = spread_clients(count, family);
  ASSERT_TRUE(clients.has_value()) << clients.error().message;
  const Prefix own = *parse_prefix(own_network);
  std::set<std::array<uint8_t, 16>> different;
  for (const Prefix& client : *clients) {
    different.insert(client.address);
    ASSERT_TRUE(is_laboratory_range(client)) << client.to_text();
    ASSERT_FALSE(own.contains(client)) << client.to_text();
  }
  EXPECT_EQ(different.size(), count);
}

TEST(ClientAddresses, AreAllDifferentAndNeverTheLaboratorysOwn) {
  expect_spread(clients_max_ipv4, AddressFamily::ipv4, "198.18.0.0/24");
  expect_spread(100'000, AddressFamily::ipv6, "fd48:4600:0:1::/64");
}

TEST(ClientAddresses, OfTheWideRangeAreAllDifferentAndAlwaysTheSame) {
  const auto all = wide_clients(0, 700'000, AddressFamily::ipv4);
  const auto some = wide_clients(3000, 5, AddressFamily::ipv4);
  ASSERT_TRUE(all.has_value() && some.has_value());
  std::set<std::array<uint8_t, 16>> different;
  for (const Prefix& client : *all) {
    different.insert(client.address);
    ASSERT_TRUE(wide_range_ipv4().contains(client)) << client.to_text();
  }
  EXPECT_EQ(different.size(), all->size());
  for (size_t index = 0; index < some->size(); ++index) {
    EXPECT_EQ((*some)[index], (*all)[3000 + index]);
  }
  EXPECT_FALSE(wide_clients(1, wide_clients_max_ipv4, AddressFamily::ipv4).has_value());
}

TEST(ClientAddresses, HaveABound) {
  EXPECT_FALSE(spread_clients(0, AddressFamily::ipv4).has_value());
  EXPECT_FALSE(spread_clients(clients_max_ipv4 + 1, AddressFamily::ipv4).has_value());
}

TEST(ClientAddresses, ComeFromAFile) {
  const std::string path = write_file("198.18.7.1\n198.19.255.254\n");
  const auto clients = read_clients(path, AddressFamily::ipv4);
  ASSERT_TRUE(clients.has_value()) << clients.error().message;
  ASSERT_EQ(clients->size(), 2U);
  EXPECT_EQ((*clients)[1].to_text(), "198.19.255.254/32");
}

TEST(ClientAddresses, OutsideTheLaboratoryAreRefused) {
  for (const char* address :
       {"192.0.2.1", "8.8.8.8", "198.20.0.1", "fd48:4600::1", "198.18.0.0/16"}) {
    const std::string path = write_file("198.18.7.1\n" + std::string(address) + "\n");
    const auto clients = read_clients(path, AddressFamily::ipv4);
    ASSERT_FALSE(clients.has_value()) << address;
    EXPECT_THAT(clients.error().message, testing::HasSubstr(":2: "));
  }
}

}  // namespace
}  // namespace holdfast::drill
