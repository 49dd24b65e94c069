// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/tcp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "transport/address_counts.h"
#include "transport/socket.h"

namespace holdfast::transport {
namespace {

// Echoes; "big:N" is answered with N bytes, "bad" not at all.
class Echo : public StreamHandler {
 public:
  size_t on_message(Bytes message, const TcpPeer& peer, MutableBytes out) override {
    EXPECT_EQ(peer.remote.sin6_family, AF_INET);
    const std::string text(message.begin(), message.end());
    ++messages;
    local = reinterpret_cast<const sockaddr_in&>(peer.local);
    if (text == "bad") return 0;
    if (text == "away") return give_away;
    if (text.starts_with("big:")) {
      const size_t size = std::stoul(text.substr(4));
      std::fill_n(out.begin(), size, uint8_t{'x'});
      return size;
    }
    std::copy(message.begin(), message.end(), out.begin());
    return message.size();
  }
  size_t on_give_away(int socket, Bytes unread, const TcpPeer& peer, MutableBytes out) override {
    EXPECT_EQ(peer.remote.sin6_family, AF_INET);
    away_bytes.assign(unread.begin(), unread.end());
    if (!takes_away) {
      out[0] = 'n';
      return 1;
    }
    away = UniqueFd(dup(socket));
    return 0;
  }
  void on_accepted() override { ++accepted; }
  void on_refused(RefuseReason reason) override { ++refused[reason]; }
  void on_closed(CloseReason reason, size_t answers_lost) override {
    ++closed[reason];
    lost += answers_lost;
  }

  int messages = 0;
  sockaddr_in local{};  // of the last one
  int accepted = 0;
  size_t lost = 0;
  bool takes_away = true;
  UniqueFd away;
  std::string away_bytes;
  std::map<RefuseReason, int> refused;
  std::map<CloseReason, int> closed;
};

class TcpServerTest : public testing::Test {
 protected:
  TcpServerTest() : epoll_(epoll_create1(EPOLL_CLOEXEC)) { restart({}); }

  void restart(const TcpLimits& limits, const char* where = "127.0.0.1@1") {
    server_.reset();
    Endpoint endpoint = *parse_endpoint(where, 1);
    endpoint.port = 0;
    listener_ = std::move(*open_socket(endpoint, SocketType::tcp));
    socklen_t size = sizeof address_;
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address_), &size);
    server_ = std::make_unique<TcpServer>(epoll_.get(), handler_, limits, HashKey{1, 2});
    ASSERT_TRUE(server_->add_listener(listener_.get()).has_value());
  }

  // One turn after another until nothing happens for `quiet_ms`.
  void turn(int quiet_ms = 5) {
    std::array<epoll_event, 16> events{};
    while (true) {
      const int count = epoll_wait(epoll_.get(), events.data(), events.size(), quiet_ms);
      if (count <= 0) return;
      for (int i = 0; i < count; ++i) server_->on_event(events[static_cast<size_t>(i)], now_ms_);
    }
  }
  void pass_ms(uint64_t milliseconds) {
    now_ms_ += milliseconds;
    server_->on_time(now_ms_);
  }

  UniqueFd open_client(int receive_bytes = 0, const char* from = nullptr) {
    UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_bytes > 0) {
      setsockopt(client.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    if (from != nullptr) {
      Endpoint source = *parse_endpoint(std::string(from) + "@1", 1);
      source.port = 0;
      sockaddr_storage storage{};
      const socklen_t size = source.to_sockaddr(storage);
      EXPECT_EQ(bind(client.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
    }
    EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(sockaddr_in)),
              0);
    const timeval wait{.tv_sec = 1, .tv_usec = 0};
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    const int on = 1;
    setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    turn(0);
    return client;
  }
  static std::string frame(const std::string& text) {
    std::string bytes{static_cast<char>(text.size() >> 8), static_cast<char>(text.size())};
    return bytes + text;
  }
  static void send_bytes(const UniqueFd& client, const std::string& bytes) {
    ASSERT_EQ(send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // One whole frame; "closed" at the end of the stream.
  static std::string receive(const UniqueFd& client) {
    std::array<uint8_t, 2> length{};
    if (recv(client.get(), length.data(), 2, MSG_WAITALL) != 2) return "closed";
    std::string text(load_be16(length.data()), '\0');
    if (recv(client.get(), text.data(), text.size(), MSG_WAITALL) !=
        static_cast<ssize_t>(text.size())) {
      return "cut";
    }
    return text;
  }

  UniqueFd epoll_;
  UniqueFd listener_;
  sockaddr_storage address_{};
  Echo handler_;
  std::unique_ptr<TcpServer> server_;
  uint64_t now_ms_ = 1'000'000;
};

TEST_F(TcpServerTest, TellsTheAddressThatWasAsked) {
  for (const char* where : {"127.0.0.1@1", "0.0.0.0@1"}) {
    restart({}, where);
    auto& asked = reinterpret_cast<sockaddr_in&>(address_);
    // A wildcard stands for this one too.
    asked.sin_addr.s_addr = htonl(where[0] == '0' ? 0x7f000002 : INADDR_LOOPBACK);
    const UniqueFd client = open_client();
    send_bytes(client, frame("where?"));
    turn();
    EXPECT_EQ(handler_.local.sin_family, AF_INET);
    EXPECT_EQ(handler_.local.sin_addr.s_addr, asked.sin_addr.s_addr) << where;
    EXPECT_EQ(handler_.local.sin_port, asked.sin_port) << where;
  }
}

TEST_F(TcpServerTest, AnswersWhatCameWithTheConnectionAtOnce) {
  const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(sockaddr_in)), 0);
  send_bytes(client, frame("early"));
  epoll_event event{};
  ASSERT_EQ(epoll_wait(epoll_.get(), &event, 1, 1000), 1);
  server_->on_event(event, now_ms_);
  EXPECT_EQ(receive(client), "early");
  EXPECT_EQ(server_->open_count(), 1u);
}

TEST_F(TcpServerTest, GivesAConnectionAwayWithWhatIsUnread) {
  const UniqueFd client = open_client();
  send_bytes(client, frame("one") + frame("away") + frame("more"));
  turn();
  EXPECT_EQ(receive(client), "one");
  EXPECT_EQ(handler_.away_bytes, frame("away") + frame("more"));
  EXPECT_EQ(handler_.closed[CloseReason::given_away], 1);
  EXPECT_EQ(server_->open_count(), 0u);
  ASSERT_TRUE(handler_.away.valid());
  // The connection lives on elsewhere, and nothing of it comes here any more.
  send_bytes(client, "x");
  turn();
  char byte = 0;
  EXPECT_EQ(recv(handler_.away.get(), &byte, 1, 0), 1);
  EXPECT_EQ(handler_.messages, 2);
}

TEST_F(TcpServerTest, AnswersInPlaceOfWhoDoesNotTakeAConnection) {
  handler_.takes_away = false;
  const UniqueFd client = open_client();
  send_bytes(client, frame("away") + frame("two"));
  turn();
  EXPECT_EQ(receive(client), "n");
  EXPECT_EQ(receive(client), "two");
  EXPECT_EQ(server_->open_count(), 1u);
}

TEST_F(TcpServerTest, AnswersPipelinedMessagesInOrder) {
  const UniqueFd client = open_client();
  send_bytes(client, frame("one") + frame("two") + frame("three"));
  turn();
  EXPECT_EQ(receive(client), "one");
  EXPECT_EQ(receive(client), "two");
  EXPECT_EQ(receive(client), "three");
  EXPECT_EQ(handler_.accepted, 1);
  EXPECT_EQ(server_->open_count(), 1u);
}

TEST_F(TcpServerTest, PutsAMessageTogetherByteByByte) {
  const UniqueFd client = open_client();
  for (const char byte : frame("slowly") + frame("but whole")) {
    send_bytes(client, std::string(1, byte));
    turn(2);
  }
  EXPECT_EQ(receive(client), "slowly");
  EXPECT_EQ(receive(client), "but whole");
}

TEST_F(TcpServerTest, TakesAndGivesTheLargestMessages) {
  const UniqueFd client = open_client();
  const std::string large(65535, 'y');
  send_bytes(client, frame("first") + frame(large) + frame("last"));
  turn();
  EXPECT_EQ(receive(client), "first");
  std::string answer;
  for (int i = 0; i < 10 && answer.empty(); ++i) {
    turn();
    answer = receive(client);
  }
  EXPECT_EQ(answer, large);
  turn();
  EXPECT_EQ(receive(client), "last");
}

TEST_F(TcpServerTest, AManyPipelinedMessagesAcrossBufferBoundsAllComeBack) {
  const UniqueFd client = open_client();
  std::string all;
  for (size_t i = 0; i < 2000; ++i) all += frame(std::to_string(i) + std::string(i % 97, '.'));
  send_bytes(client, all);
  turn();
  for (size_t i = 0; i < 2000; ++i) {
    ASSERT_EQ(receive(client), std::to_string(i) + std::string(i % 97, '.'));
    turn(0);
  }
}

TEST_F(TcpServerTest, AnswersWhatCameBeforeTheClientsEnd) {
  const UniqueFd client = open_client();
  send_bytes(client, frame("last words"));
  shutdown(client.get(), SHUT_WR);
  turn();
  EXPECT_EQ(receive(client), "last words");
  EXPECT_EQ(handler_.closed[CloseReason::by_client], 1);
  EXPECT_EQ(server_->open_count(), 0u);
}

TEST_F(TcpServerTest, ClosesWhatCannotBeAnsweredAfterTheAnswersBeforeIt) {
  const UniqueFd client = open_client();
  send_bytes(client, frame("good") + frame("bad") + frame("never"));
  turn();
  EXPECT_EQ(receive(client), "good");
  EXPECT_EQ(receive(client), "closed");
  EXPECT_EQ(handler_.closed[CloseReason::bad_framing], 1);
  EXPECT_EQ(handler_.messages, 2);
}

TEST_F(TcpServerTest, AnEmptyMessageIsTheHandlersToJudge) {
  const UniqueFd client = open_client();
  send_bytes(client, frame(""));
  turn();
  EXPECT_EQ(receive(client), "closed");  // an echo of nothing is no answer
}

TEST_F(TcpServerTest, IdleConnectionsEndAfterTheirTime) {
  const UniqueFd client = open_client();
  EXPECT_EQ(server_->wait_ms(now_ms_, 60'000), 10'000);
  pass_ms(9'999);
  EXPECT_EQ(server_->open_count(), 1u);
  send_bytes(client, frame("still here"));
  turn();
  pass_ms(9'999);
  EXPECT_EQ(server_->open_count(), 1u);
  pass_ms(1);
  EXPECT_EQ(handler_.closed[CloseReason::idle], 1);
}

TEST_F(TcpServerTest, AMessageThatDripsEndsAfterItsTime) {
  const UniqueFd client = open_client();
  for (const char byte : std::string("\0\x50"
                                     "abc",
                                     5)) {
    send_bytes(client, std::string(1, byte));
    turn(2);
    pass_ms(1'250);
  }
  EXPECT_EQ(handler_.closed[CloseReason::read_timeout], 1);
  EXPECT_EQ(server_->open_count(), 0u);
}

TEST_F(TcpServerTest, AReaderThatTakesNothingIsNotReadFromAndEnds) {
  const UniqueFd client = open_client(4096);
  std::string all;
  for (int i = 0; i < 200; ++i) all += frame("big:60000");
  send_bytes(client, all);
  turn();
  EXPECT_LT(handler_.messages, 200) << "answers pile up";
  EXPECT_EQ(server_->wait_ms(now_ms_, 60'000), 5'000);
  pass_ms(5'000);
  EXPECT_EQ(handler_.closed[CloseReason::write_timeout], 1);
  EXPECT_GE(handler_.lost, 1u);
  EXPECT_LE(handler_.lost, 3u);
}

TEST_F(TcpServerTest, ASlowReaderGetsEverythingAndDelaysNobody) {
  const UniqueFd slow = open_client(4096);
  std::string all;
  for (int i = 0; i < 100; ++i) all += frame("big:50000");
  send_bytes(slow, all + frame("end"));
  turn();
  const UniqueFd other = open_client();
  send_bytes(other, frame("quick"));
  turn();
  EXPECT_EQ(receive(other), "quick");
  int received = 0;
  const int flags = fcntl(slow.get(), F_GETFL);
  fcntl(slow.get(), F_SETFL, flags | O_NONBLOCK);
  std::string stream;
  for (int i = 0; i < 20'000 && !stream.ends_with("end"); ++i) {
    std::array<char, 65536> buffer;
    const ssize_t count = recv(slow.get(), buffer.data(), buffer.size(), 0);
    if (count > 0) stream.append(buffer.data(), static_cast<size_t>(count));
    turn(1);
  }
  for (size_t at = 0; at + 2 <= stream.size(); ++received) {
    at += size_t{2} + load_be16(reinterpret_cast<const uint8_t*>(stream.data()) + at);
  }
  EXPECT_EQ(received, 101);
  EXPECT_EQ(stream.size(), 100 * 50002u + 5u);
  EXPECT_TRUE(handler_.closed.empty());
}

TEST_F(TcpServerTest, AFullTableMakesRoomFromTheLongestIdle) {
  restart({.connections_max = 3});
  const UniqueFd first = open_client();
  const UniqueFd second = open_client();
  const UniqueFd third = open_client();
  send_bytes(first, frame("busy"));
  turn();
  EXPECT_EQ(receive(first), "busy");
  const UniqueFd fourth = open_client();
  EXPECT_EQ(handler_.closed[CloseReason::evicted], 1);
  EXPECT_EQ(receive(second), "closed");
  send_bytes(first, frame("first"));
  send_bytes(fourth, frame("fourth"));
  turn();
  EXPECT_EQ(receive(first), "first");
  EXPECT_EQ(receive(fourth), "fourth");
}

TEST_F(TcpServerTest, AFullTableWithNobodyIdleRefuses) {
  restart({.connections_max = 2});
  const UniqueFd first = open_client();
  const UniqueFd second = open_client();
  send_bytes(first, "\x01");
  send_bytes(second, "\x01");
  turn();
  const UniqueFd third = open_client();
  EXPECT_EQ(receive(third), "closed");
  EXPECT_EQ(handler_.refused[RefuseReason::table_full], 1);
}

TEST_F(TcpServerTest, NoClientHoldsMoreThanItsShare) {
  restart({.connections_max = 100, .connections_per_address_max = 2});
  UniqueFd first = open_client();
  const UniqueFd second = open_client();
  const UniqueFd third = open_client();
  EXPECT_EQ(receive(third), "closed");
  EXPECT_EQ(handler_.refused[RefuseReason::address_full], 1);
  const UniqueFd neighbour = open_client(0, "127.0.0.2");
  send_bytes(neighbour, frame("in"));
  turn();
  EXPECT_EQ(receive(neighbour), "in");
  first.reset();
  turn();
  const UniqueFd fourth = open_client();
  send_bytes(fourth, frame("again"));
  turn();
  EXPECT_EQ(receive(fourth), "again");
}

TEST_F(TcpServerTest, LargeBuffersAreBoundedAndTheSlowestPays) {
  restart({.connections_max = 400, .connections_per_address_max = 400});
  std::deque<UniqueFd> slow;
  for (size_t i = 0; i < TcpServer::large_buffers_max; ++i) {
    slow.push_back(open_client(4096));
    std::string all;
    for (int j = 0; j < 100; ++j) all += frame("big:60000");
    send_bytes(slow.back(), all);
    turn(0);
    ++now_ms_;
  }
  turn();
  EXPECT_TRUE(handler_.closed.empty());
  slow.push_back(open_client(4096));
  std::string all;
  for (int j = 0; j < 100; ++j) all += frame("big:60000");
  send_bytes(slow.back(), all);
  turn();
  EXPECT_EQ(handler_.closed[CloseReason::buffers], 1);
  EXPECT_EQ(server_->open_count(), TcpServer::large_buffers_max);
}

TEST_F(TcpServerTest, LimitsMayRiseWhileItRuns) {
  restart({.connections_max = 1});
  const UniqueFd first = open_client();
  server_->set_limits({.connections_max = 200, .connections_per_address_max = 200});
  std::deque<UniqueFd> more;
  for (int i = 0; i < 150; ++i) more.push_back(open_client());
  EXPECT_EQ(server_->open_count(), 151u);
  send_bytes(more.back(), frame("hello"));
  turn();
  EXPECT_EQ(receive(more.back()), "hello");
}

TEST_F(TcpServerTest, WithoutDescriptorsItRefusesInsteadOfSpinning) {
  const UniqueFd before = open_client();
  UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  rlimit none = limit;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(sockaddr_in)), 0);
  std::array<epoll_event, 4> events{};
  const int count = epoll_wait(epoll_.get(), events.data(), events.size(), 100);
  for (int i = 0; i < count; ++i) server_->on_event(events[static_cast<size_t>(i)], now_ms_);
  setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(handler_.refused[RefuseReason::descriptors], 1);
  turn();
  send_bytes(before, frame("as before"));
  turn();
  EXPECT_EQ(receive(before), "as before");
}

TEST_F(TcpServerTest, DrainingAnswersWhatHasComeAndCloses) {
  const UniqueFd idle = open_client();
  const UniqueFd asking = open_client();
  send_bytes(asking, frame("one more"));
  server_->drain(now_ms_);
  EXPECT_EQ(receive(asking), "one more");
  EXPECT_EQ(receive(asking), "closed");
  EXPECT_EQ(receive(idle), "closed");
  EXPECT_EQ(server_->open_count(), 0u);
}

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
