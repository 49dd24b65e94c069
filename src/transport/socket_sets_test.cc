// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/socket_sets.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "transport/socket.h"

namespace holdfast::transport {
namespace {

// Free for UDP and TCP.
Endpoint free_endpoint(const std::string& address) {
  Endpoint endpoint = *parse_endpoint(address + "@1", 1);
  do {
    endpoint.port = 0;
    const auto socket = open_socket(endpoint, SocketType::udp);
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    getsockname(socket->get(), reinterpret_cast<sockaddr*>(&storage), &size);
    endpoint.port = Endpoint::from_sockaddr(storage).port;
  } while (!check_address_free(endpoint, SocketType::tcp));
  return endpoint;
}

TEST(SocketSets, KeepsWhatStaysAndOpensWhatIsNew) {
  SocketSets sets;
  const std::array first = {free_endpoint("127.0.0.1"), free_endpoint("127.0.0.2")};
  ASSERT_TRUE(sets.prepare(first, 2).has_value());
  EXPECT_TRUE(sets.workers().empty());
  sets.commit();
  ASSERT_EQ(sets.workers().size(), 2u);
  const int kept = sets.workers()[1][1]->udp.get();

  const std::array second = {first[1], free_endpoint("127.0.0.3")};
  ASSERT_TRUE(sets.prepare(second, 3).has_value());
  sets.commit();
  ASSERT_EQ(sets.workers().size(), 3u);
  EXPECT_EQ(sets.workers()[1][0]->udp.get(), kept);
  EXPECT_EQ(sets.workers()[1][1]->endpoint, second[1]);
  EXPECT_TRUE(check_address_free(first[0], SocketType::udp).has_value()) << "it was closed";
}

TEST(SocketSets, AFailedPreparationChangesNothing) {
  SocketSets sets;
  const std::array good = {free_endpoint("127.0.0.1")};
  ASSERT_TRUE(sets.prepare(good, 1).has_value());
  sets.commit();
  const int before = sets.workers()[0][0]->udp.get();
  const std::array bad = {good[0], *parse_endpoint("192.0.2.1@5300", 0)};
  const auto failed = sets.prepare(bad, 1);
  ASSERT_FALSE(failed.has_value());
  EXPECT_NE(failed.error().message.find("192.0.2.1@5300"), std::string::npos);
  EXPECT_FALSE(sets.is_prepared());
  sets.commit();
  ASSERT_EQ(sets.workers().size(), 1u);
  EXPECT_EQ(sets.workers()[0][0]->udp.get(), before);
}

TEST(SocketSets, AWildcardMayTakeTheWholePortOver) {
  SocketSets sets;
  const std::array one = {free_endpoint("127.0.0.1")};
  ASSERT_TRUE(sets.prepare(one, 2).has_value());
  sets.commit();
  const std::array all = {*parse_endpoint("0.0.0.0", one[0].port)};
  EXPECT_TRUE(sets.prepare(all, 2).has_value());
  sets.abort();
  EXPECT_EQ(sets.workers()[0][0]->endpoint, one[0]);
}

}  // namespace
}  // namespace holdfast::transport
