// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/socket_sets.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "base/processors.h"
#include "base/test_arrival.h"
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

// The first worker's alone; and what begins to listen in a preparation comes before them.
TEST(SocketSets, EachAddressHasOneSink) {
  const auto is_listening = [](const UniqueFd& socket) {
    int value = -1;
    socklen_t size = sizeof value;
    getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &value, &size);
    return value == 1;
  };
  SocketSets sets;
  const std::array listen = {free_endpoint("127.0.0.1"), free_endpoint("127.0.0.2")};
  ASSERT_TRUE(sets.prepare(listen, 2).has_value());
  sets.commit();
  EXPECT_EQ(sets.choice().listeners, 2u);
  for (size_t i = 0; i < listen.size(); ++i) {
    const ListenSockets& first = *sets.workers()[0][i];
    EXPECT_FALSE(sets.workers()[1][i]->sink.valid());
    ASSERT_TRUE(first.sink.valid());
    EXPECT_FALSE(is_listening(first.sink));
    ASSERT_EQ(divert(first.tcp.get(), first.sink.get(), sets.choice().program), 0);
    EXPECT_TRUE(is_listening(first.sink));
  }
  ASSERT_TRUE(sets.prepare(listen, 3).has_value());
  for (const auto& sockets : sets.workers()[0]) EXPECT_FALSE(is_listening(sockets->sink));
  sets.commit();
  EXPECT_EQ(sets.choice().listeners, 3u);
}

// A worker asks after it has been told to stay on its processor.
TEST(SocketSets, TheChoiceIsThatOfAllProcessors) {
  const std::vector<uint32_t> cpus = allowed_cpus();
  SocketSets sets(Steering::by_cpu);
  const std::array listen = {free_endpoint("127.0.0.1")};
  ASSERT_TRUE(sets.prepare(listen, cpus.size()).has_value());
  sets.commit();
  std::thread([&] {
    ASSERT_TRUE(stay_on_cpu(cpus[0]));
    EXPECT_EQ(sets.choice().steering, Steering::by_cpu);
    EXPECT_EQ(sets.choice().listeners, cpus.size());
  }).join();
}

// Loopback packets are received by the processor that sends them.
TEST(SocketSets, SteersToTheWorkerOfTheProcessor) {
  const std::vector<uint32_t> cpus = allowed_cpus();
  if (cpus.size() < 2) GTEST_SKIP() << "one processor";
  SocketSets sets(Steering::by_cpu);
  const std::array listen = {free_endpoint("127.0.0.1")};
  ASSERT_TRUE(sets.prepare(listen, cpus.size()).has_value());
  sets.commit();
  sockaddr_storage storage{};
  const socklen_t size = listen[0].to_sockaddr(storage);
  constexpr int packets = 20;
  std::thread([&] {
    for (size_t worker = 0; worker < cpus.size(); ++worker) {
      const uint32_t cpu = cpus[worker];
      ASSERT_TRUE(stay_on_cpu(cpu));
      for (int i = 0; i < packets; ++i) {  // of many ports, which a hash would spread
        const UniqueFd client(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        await_arrival(sets.workers()[worker][0]->udp.get(), [&] {
          ASSERT_EQ(sendto(client.get(), &cpu, sizeof cpu, 0,
                           reinterpret_cast<const sockaddr*>(&storage), size),
                    static_cast<ssize_t>(sizeof cpu));
        });
      }
    }
  }).join();
  for (size_t worker = 0; worker < cpus.size(); ++worker) {
    const int socket = sets.workers()[worker][0]->udp.get();
    uint32_t sender = 0;
    int received = 0;
    while (recv(socket, &sender, sizeof sender, MSG_DONTWAIT) == sizeof sender) {
      EXPECT_EQ(sender, cpus[worker]);
      ++received;
    }
    EXPECT_EQ(received, packets) << "worker " << worker;
  }
}

}  // namespace
}  // namespace holdfast::transport
