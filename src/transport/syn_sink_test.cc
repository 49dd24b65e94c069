// SPDX-License-Identifier: GPL-3.0-or-later
// Connections over loopback, and what becomes of those that are sent to the sink.
#include "transport/syn_sink.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <thread>

#include "base/processors.h"

namespace holdfast::transport {
namespace {

constexpr int patience_ms = 60'000;  // beside other work the kernel may take its time

// The listening sockets of an address with its sink, and clients of theirs.
class SynSinkTest : public testing::Test {
 protected:
  // Where nothing comes from tests that run beside this one.
  void open(const std::string& address, size_t listeners) {
    endpoint_ = *parse_endpoint(address + "@1", 1);
    endpoint_.port = 0;
    for (size_t i = 0; i < listeners; ++i) open_listener();
    sink_ = std::move(*open_sink(endpoint_));
  }
  void open_listener() {
    auto opened = open_socket(endpoint_, SocketType::tcp);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    getsockname(opened->get(), reinterpret_cast<sockaddr*>(&name), &size);
    endpoint_.port = Endpoint::from_sockaddr(name).port;
    listeners_.push_back(std::move(*opened));
  }
  // The kernel sends every beginning to the socket of this number.
  int divert_all(uint32_t number) {
    const std::array<sock_filter, 1> program{
        {{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = number}}};
    return divert(listeners_.front().get(), sink_.get(), program);
  }
  [[nodiscard]] UniqueFd begin_connection() const {
    const int family = endpoint_.is_ipv6() ? AF_INET6 : AF_INET;
    UniqueFd client(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_storage to{};
    const socklen_t size = endpoint_.to_sockaddr(to);
    EXPECT_TRUE(connect(client.get(), reinterpret_cast<const sockaddr*>(&to), size) == 0 ||
                errno == EINPROGRESS);
    return client;
  }
  static bool is_connected(const UniqueFd& client) {
    pollfd event{.fd = client.get(), .events = POLLOUT, .revents = 0};
    return poll(&event, 1, patience_ms) == 1 && (event.revents & (POLLERR | POLLHUP)) == 0;
  }
  // True once the sink has dropped one that begins now.
  [[nodiscard]] bool is_dropped() const {
    const uint32_t before = kernel_drops(sink_.get());
    const UniqueFd client = begin_connection();
    for (int i = 0; i < patience_ms && kernel_drops(sink_.get()) == before; ++i) usleep(1000);
    return kernel_drops(sink_.get()) != before;
  }
  // Which of the listening sockets somebody has connected to.
  [[nodiscard]] size_t accepting() const {
    std::vector<pollfd> events;
    for (const UniqueFd& listener : listeners_) {
      events.push_back({.fd = listener.get(), .events = POLLIN, .revents = 0});
    }
    EXPECT_GT(poll(events.data(), events.size(), patience_ms), 0);
    for (size_t i = 0; i < events.size(); ++i) {
      if ((events[i].revents & POLLIN) == 0) continue;
      const UniqueFd accepted(accept(events[i].fd, nullptr, nullptr));
      EXPECT_TRUE(accepted.valid());
      return i;
    }
    return events.size();
  }
  std::vector<int> connect_often(int times) {
    std::vector<int> reached(listeners_.size() + 1);
    for (int i = 0; i < times; ++i) {
      const UniqueFd client = begin_connection();
      EXPECT_TRUE(is_connected(client));
      ++reached[accepting()];
    }
    return reached;
  }

  Endpoint endpoint_;
  std::vector<UniqueFd> listeners_;
  UniqueFd sink_;
};

TEST_F(SynSinkTest, WhoIsSentThereGetsNoAnswerUntilItEnds) {
  for (const char* const address : {"127.0.78.1", "::1"}) {
    Endpoint any_port = *parse_endpoint(address, 1);
    any_port.port = 0;
    if (!check_address_free(any_port, SocketType::tcp)) continue;  // no IPv6 here
    listeners_.clear();
    open(address, 2);
    ASSERT_EQ(divert_all(2), 0);
    EXPECT_TRUE(is_dropped());
    const UniqueFd client = begin_connection();
    EXPECT_EQ(end_diversion(listeners_[1].get(), sink_.get(), choose_by_lot(2)), 0);
    EXPECT_TRUE(is_connected(client)) << "it tries again";
    EXPECT_LT(accepting(), 2u);
  }
}

TEST_F(SynSinkTest, WhoIsNotSentThereReachesAnyOfTheOthers) {
  open("127.0.78.2", 2);
  const auto in_quiet_times = connect_often(40);
  EXPECT_GT(in_quiet_times[0], 0);
  EXPECT_GT(in_quiet_times[1], 0);
  ASSERT_EQ(divert(listeners_[0].get(), sink_.get(), choose_by_lot(2).program), 0);
  const auto by_lot = connect_often(40);
  EXPECT_GT(by_lot[0], 0);
  EXPECT_GT(by_lot[1], 0);
  EXPECT_EQ(end_diversion(listeners_[0].get(), sink_.get(), choose_by_lot(2)), 0);
  connect_often(40);
  EXPECT_EQ(kernel_drops(sink_.get()), 0u);
}

TEST_F(SynSinkTest, OneListenerNeedsNoLot) {
  open("127.0.78.3", 1);
  ASSERT_EQ(divert(listeners_[0].get(), sink_.get(), choose_by_lot(1).program), 0);
  EXPECT_EQ(connect_often(10)[0], 10);
  ASSERT_EQ(divert_all(1), 0);
  EXPECT_TRUE(is_dropped());
}

// As a reload does with another number of workers.
TEST_F(SynSinkTest, ItIsBehindTheOthersWhoeverComesOrGoes) {
  open("127.0.78.4", 2);
  ASSERT_EQ(divert_all(2), 0);
  rest_sink(sink_.get());
  open_listener();
  ASSERT_EQ(divert_all(3), 0);
  EXPECT_TRUE(is_dropped());
  listeners_.pop_back();
  ASSERT_EQ(divert_all(2), 0) << "the last has taken the place of who went";
  EXPECT_TRUE(is_dropped());
  ASSERT_EQ(divert(listeners_[0].get(), sink_.get(), choose_by_lot(2).program), 0);
  EXPECT_EQ(connect_often(20)[2], 0);
}

TEST_F(SynSinkTest, AfterItsEndProcessorsHaveTheirListenersAgain) {
  const std::vector<uint32_t> cpus = allowed_cpus();
  if (cpus.size() < 2) GTEST_SKIP() << "one processor";
  open("127.0.78.5", cpus.size());
  ASSERT_TRUE(steer_by_cpu(listeners_[0].get(), cpus).has_value());
  ASSERT_EQ(divert_all(static_cast<uint32_t>(cpus.size())), 0);
  EXPECT_TRUE(is_dropped());
  ASSERT_EQ(end_diversion(listeners_[0].get(), sink_.get(), choose_by_cpu(cpus)), 0);
  std::thread([&] {
    for (size_t i = 0; i < cpus.size(); ++i) {
      ASSERT_TRUE(stay_on_cpu(cpus[i]));
      for (int k = 0; k < 10; ++k) {
        const UniqueFd client = begin_connection();
        ASSERT_TRUE(is_connected(client));
        EXPECT_EQ(accepting(), i);
      }
    }
  }).join();
}

TEST_F(SynSinkTest, TheKernelsRefusalIsTold) {
  open("127.0.78.6", 1);
  const UniqueFd alone(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));  // shares no address
  ASSERT_EQ(listen(alone.get(), 1), 0);
  EXPECT_EQ(divert(alone.get(), sink_.get(), choose_by_lot(1).program), EINVAL);
  EXPECT_EQ(end_diversion(alone.get(), sink_.get(), choose_by_lot(1)), EINVAL);
}

}  // namespace
}  // namespace holdfast::transport
