// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/tcp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "transport/socket.h"
#include "transport/test_echo.h"

namespace holdfast::transport {
namespace {

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

  // False if nothing happens for so long.
  bool take_events(int wait_ms) {
    std::array<epoll_event, 16> events{};
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), wait_ms);
    for (int i = 0; i < count; ++i) server_->on_event(events[static_cast<size_t>(i)], now_ms_);
    return count > 0;
  }
  // Whether all that was sent has come to the other side. Beside other work the kernel may take a
  // while to bring it over.
  static bool has_come(int client) {
    int left_bytes = 0;
    return ioctl(client, SIOCOUTQ, &left_bytes) != 0 || left_bytes == 0;
  }
  static void await_arrival(const UniqueFd& client) {
    for (int i = 0; i < 20'000 && !has_come(client.get()); ++i) usleep(1000);
  }
  // One turn after another until nothing happens for `quiet_ms` and what clients have sent has
  // come, but for what finds no room.
  void turn(int quiet_ms = 5) {
    constexpr int vain_turns_max = 400;
    for (int vain = 0; vain < vain_turns_max;) {
      const bool has_all_come = std::ranges::all_of(clients_, has_come);
      if (take_events(has_all_come ? quiet_ms : std::max(quiet_ms, 1))) {
        vain = 0;
      } else if (has_all_come) {
        return;
      } else {
        ++vain;
      }
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
    const int before = handler_.met();
    EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(sockaddr_in)),
              0);
    const timeval wait{.tv_sec = 20, .tv_usec = 0};
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    const int on = 1;
    setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (int i = 0; i < 200 && handler_.met() == before; ++i) take_events(100);
    clients_.push_back(client.get());
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
  // One whole frame, while the server has its turns; "closed" at the end of the stream.
  std::string receive(const UniqueFd& client) {
    std::string bytes;
    size_t wanted = 2;
    std::array<char, 65536> buffer;
    for (int waits = 0; waits < 20'000;) {
      const ssize_t got = recv(client.get(), buffer.data(), wanted - bytes.size(), MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) {
        if (!take_events(1)) ++waits;
        continue;
      }
      if (got <= 0) return bytes.empty() ? "closed" : "cut";
      bytes.append(buffer.data(), static_cast<size_t>(got));
      if (bytes.size() == 2) wanted = 2 + load_be16(reinterpret_cast<const uint8_t*>(bytes.data()));
      if (bytes.size() == wanted) return bytes.substr(2);
    }
    return "nothing";
  }
  // The same of what has left already.
  static std::string receive_without_turns(const UniqueFd& client) {
    std::array<char, 4096> buffer;
    const ssize_t got = recv(client.get(), buffer.data(), buffer.size(), 0);
    if (got < 2) return got == 0 ? "closed" : "nothing";
    return {buffer.data() + 2, static_cast<size_t>(got) - 2};
  }

  UniqueFd epoll_;
  UniqueFd listener_;
  sockaddr_storage address_{};
  Echo handler_;
  std::unique_ptr<TcpServer> server_;
  uint64_t now_ms_ = 1'000'000;
  std::vector<int> clients_;  // some may be closed by now
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
  await_arrival(client);
  epoll_event event{};
  ASSERT_EQ(epoll_wait(epoll_.get(), &event, 1, 20'000), 1);
  server_->on_event(event, now_ms_);
  EXPECT_EQ(receive_without_turns(client), "early");
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
  EXPECT_EQ(receive(client), large);
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
  for (int i = 0; i < 200 && handler_.closed[CloseReason::by_client] == 0; ++i) take_events(100);
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
  const int count = epoll_wait(epoll_.get(), events.data(), events.size(), 20'000);
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
  await_arrival(asking);
  server_->drain(now_ms_);
  EXPECT_EQ(receive_without_turns(asking), "one more");
  EXPECT_EQ(receive_without_turns(asking), "closed");
  EXPECT_EQ(receive_without_turns(idle), "closed");
  EXPECT_EQ(server_->open_count(), 0u);
}

}  // namespace
}  // namespace holdfast::transport
