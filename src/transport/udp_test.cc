// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/udp.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/test_arrival.h"
#include "transport/socket.h"

namespace holdfast::transport {
namespace {

struct Server {
  std::vector<uint8_t> bytes = std::vector<uint8_t>(UdpBatch::size_max * 1024);
  std::array<sockaddr_in6, UdpBatch::size_max> peers{};
  UdpBatch batch{UdpBatch::ReceiveMemory{.bytes = bytes, .peers = peers}};
};

// A port of the address that is free for UDP and TCP now; 0 if the machine lacks the address.
Endpoint free_endpoint(const std::string& address) {
  Endpoint endpoint = *parse_endpoint(address + "@1", 1);
  do {
    endpoint.port = 0;
    const auto socket = open_socket(endpoint, SocketType::udp);
    if (!socket) return endpoint;
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    getsockname(socket->get(), reinterpret_cast<sockaddr*>(&storage), &size);
    endpoint.port = Endpoint::from_sockaddr(storage).port;
  } while (!check_address_free(endpoint, SocketType::tcp));
  return endpoint;
}

class Client {
 public:
  explicit Client(const Endpoint& server) {
    sockaddr_storage storage{};
    const socklen_t size = server.to_sockaddr(storage);
    socket_ = UniqueFd(socket(storage.ss_family, SOCK_DGRAM, 0));
    connected_ = connect(socket_.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0;
    const timeval wait{.tv_sec = 20, .tv_usec = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  }
  void send(const std::string& text, const UniqueFd& to) const {
    EXPECT_TRUE(connected_);
    await_arrival(to.get(), [&] {
      EXPECT_EQ(::send(socket_.get(), text.data(), text.size(), 0),
                static_cast<ssize_t>(text.size()));
    });
  }
  // The socket is connected: only what comes from the very address that was asked arrives.
  [[nodiscard]] std::string receive() const {
    std::array<char, 8192> buffer;
    const ssize_t size = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    return size < 0 ? "nothing" : std::string(buffer.data(), static_cast<size_t>(size));
  }

 private:
  UniqueFd socket_;
  bool connected_ = false;
};

size_t echo(Server& server, int socket) {
  server.batch.attach(socket, 0);
  const size_t count = server.batch.receive();
  for (size_t i = 0; i < count; ++i) {
    const Bytes datagram = server.batch.datagram(i);
    const MutableBytes room = server.batch.response_room(i);
    std::copy(datagram.begin(), datagram.end(), room.begin());
    server.batch.respond(i, datagram.size());
  }
  const SendReport report = server.batch.send();
  EXPECT_EQ(report.failed + report.buffer_full, 0u);
  return report.sent;
}

TEST(UdpBatch, AnswersFromTheAddressThatWasAsked) {
  Endpoint any = free_endpoint("127.0.0.1");
  any = *parse_endpoint("0.0.0.0@" + std::to_string(any.port), 0);
  const auto socket = open_socket(any, SocketType::udp);
  ASSERT_TRUE(socket.has_value()) << socket.error().message;
  Server server;
  for (const char* asked : {"127.0.0.1", "127.0.0.2", "127.8.9.10"}) {
    const Client client(*parse_endpoint(asked, any.port));
    client.send(asked, *socket);
    EXPECT_EQ(echo(server, socket->get()), 1u);
    EXPECT_EQ(client.receive(), asked);
    const Bytes local = server.batch.local_address(0);
    ASSERT_EQ(local.size(), 4u);
    std::array<char, INET_ADDRSTRLEN> text{};
    EXPECT_STREQ(inet_ntop(AF_INET, local.data(), text.data(), text.size()), asked);
  }
}

TEST(UdpBatch, KnowsTheAddressOfASocketThatHasOne) {
  Server server;
  std::vector<UniqueFd> sockets;
  for (const char* address : {"127.0.0.1", "127.0.0.2", "127.8.9.10"}) {
    const Endpoint endpoint = free_endpoint(address);
    auto socket = open_socket(endpoint, SocketType::udp);
    ASSERT_TRUE(socket.has_value()) << socket.error().message;
    sockets.push_back(std::move(*socket));
    const Client client(endpoint);
    client.send(address, sockets.back());
    EXPECT_EQ(echo(server, sockets.back().get()), 1u);
    EXPECT_EQ(client.receive(), address);
    EXPECT_TRUE(std::ranges::equal(server.batch.local_address(0), endpoint.address_bytes()));
  }
}

TEST(UdpBatch, AnswersOverIpv6) {
  Endpoint endpoint = free_endpoint("::1");
  if (endpoint.port == 0) GTEST_SKIP() << "this machine has no IPv6";
  const uint16_t port = endpoint.port;
  endpoint = *parse_endpoint("::@" + std::to_string(port), 0);
  const auto socket = open_socket(endpoint, SocketType::udp);
  ASSERT_TRUE(socket.has_value()) << socket.error().message;
  Server server;
  const Client client(*parse_endpoint("::1", port));
  client.send("six", *socket);
  EXPECT_EQ(echo(server, socket->get()), 1u);
  EXPECT_EQ(client.receive(), "six");
  EXPECT_EQ(server.batch.local_address(0).size(), 16u);
  EXPECT_EQ(server.batch.peer(0).sin6_family, AF_INET6);
}

TEST(UdpBatch, TakesAndAnswersManyAtOnceBatchAfterBatch) {
  const Endpoint endpoint = free_endpoint("127.0.0.1");
  const auto socket = open_socket(endpoint, SocketType::udp);
  ASSERT_TRUE(socket.has_value());
  Server server;
  const Client client(endpoint);
  for (size_t i = 0; i < 100; ++i) client.send(std::string(i + 1, 'x'), *socket);
  EXPECT_EQ(echo(server, socket->get()), UdpBatch::size_max);
  EXPECT_EQ(echo(server, socket->get()), 100 - UdpBatch::size_max);
  EXPECT_EQ(echo(server, socket->get()), 0u);
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(client.receive().size(), i + 1);
}

TEST(UdpBatch, SendsOnlyWhatWasAnswered) {
  const Endpoint endpoint = free_endpoint("127.0.0.1");
  const auto socket = open_socket(endpoint, SocketType::udp);
  ASSERT_TRUE(socket.has_value());
  Server server;
  const Client client(endpoint);
  for (const char* text : {"a", "b", "c", "d"}) client.send(text, *socket);
  server.batch.attach(socket->get(), endpoint.port);
  ASSERT_EQ(server.batch.receive(), 4u);
  EXPECT_EQ(server.batch.local_port(0), endpoint.port);
  for (const size_t i : {size_t{1}, size_t{3}}) {
    server.batch.response_room(i)[0] = server.batch.datagram(i)[0];
    server.batch.respond(i, 1);
  }
  EXPECT_EQ(server.batch.send().sent, 2u);
  EXPECT_EQ(client.receive(), "b");
  EXPECT_EQ(client.receive(), "d");
}

TEST(UdpBatch, HasRoomForABatchOfLongAnswers) {
  Server server;
  std::vector<MutableBytes> answers;
  for (size_t i = 0; i < UdpBatch::size_max; ++i) {
    const MutableBytes room = server.batch.response_room(i);
    ASSERT_EQ(room.size(), response_bytes_max);
    const size_t bytes = i % 3 == 0 ? i + 1 : response_bytes_max;
    answers.push_back(room.first(bytes));
    std::ranges::fill(answers.back(), static_cast<uint8_t>(i));
    server.batch.respond(i, bytes);
  }
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto is_as_written = [&](uint8_t byte) { return byte == i; };
    EXPECT_TRUE(std::ranges::all_of(answers[i], is_as_written)) << i;
  }
}

TEST(UdpBatch, OneThatCannotBeSentDoesNotStopTheOthers) {
  const Endpoint endpoint = free_endpoint("127.0.0.1");
  const auto socket = open_socket(endpoint, SocketType::udp);
  ASSERT_TRUE(socket.has_value());
  Server server;
  const Client client(endpoint);
  for (const char* text : {"a", "b", "c"}) client.send(text, *socket);
  server.batch.attach(socket->get(), endpoint.port);
  ASSERT_EQ(server.batch.receive(), 3u);
  server.peers[1].sin6_family = AF_INET6;  // cannot be sent to from an IPv4 socket
  for (size_t i = 0; i < 3; ++i) {
    server.batch.response_room(i)[0] = server.batch.datagram(i)[0];
    server.batch.respond(i, 1);
  }
  const SendReport report = server.batch.send();
  EXPECT_EQ(report.sent, 2u);
  EXPECT_EQ(report.failed, 1u);
  EXPECT_EQ(client.receive(), "a");
  EXPECT_EQ(client.receive(), "c");
}

TEST(UdpBatch, CutsWhatIsLongerThanItsBuffers) {
  const Endpoint endpoint = free_endpoint("127.0.0.1");
  const auto socket = open_socket(endpoint, SocketType::udp);
  ASSERT_TRUE(socket.has_value());
  Server server;
  const Client client(endpoint);
  client.send(std::string(5000, 'x'), *socket);
  server.batch.attach(socket->get(), endpoint.port);
  ASSERT_EQ(server.batch.receive(), 1u);
  EXPECT_EQ(server.batch.datagram(0).size(), 1024u);
}

TEST(Socket, APortInUseIsToldWithAddressAndPort) {
  const Endpoint endpoint = free_endpoint("127.0.0.1");
  for (const SocketType type : {SocketType::udp, SocketType::tcp}) {
    const auto holder = open_socket(endpoint, type);
    ASSERT_TRUE(holder.has_value());
    EXPECT_TRUE(open_socket(endpoint, type).has_value()) << "workers share the address";
    const auto taken = check_address_free(endpoint, type);
    ASSERT_FALSE(taken.has_value());
    EXPECT_NE(taken.error().message.find(endpoint.to_text()), std::string::npos);
    EXPECT_NE(taken.error().message.find("in use"), std::string::npos);
  }
}

TEST(Socket, AnAddressOfAnotherMachineIsToldSo) {
  const auto socket = open_socket(*parse_endpoint("192.0.2.1@5300", 0), SocketType::udp);
  ASSERT_FALSE(socket.has_value());
  EXPECT_EQ(socket.error().message,
            "cannot listen on 192.0.2.1@5300 (UDP): this machine does not have the address");
}

TEST(Socket, CountsWhatTheKernelDropped) {
  const Endpoint endpoint = free_endpoint("127.0.0.1");
  const auto socket = open_socket(endpoint, SocketType::udp);
  ASSERT_TRUE(socket.has_value());
  const int small = 4096;
  setsockopt(socket->get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  const Client client(endpoint);
  for (int i = 0; i < 100; ++i) client.send(std::string(500, 'x'), *socket);
  EXPECT_GT(kernel_drops(socket->get()), 0u);
}

}  // namespace
}  // namespace holdfast::transport
