// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/stream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>

#include "base/file.h"

namespace holdfast::transfer {
namespace {

TEST(SendBuffer, IsWhatAGigabitHasWithinTheRoundTrip) {
  EXPECT_EQ(send_buffer_bytes(1), 32 << 10) << "two messages at least";
  EXPECT_EQ(send_buffer_bytes(262), 32 << 10);
  EXPECT_EQ(send_buffer_bytes(800), 100'000);
  EXPECT_EQ(send_buffer_bytes(1'703), 212'875);
}

// With SO_SNDBUF set, a buffer never grows again, whatever net.core.wmem_max has made of the
// number.
TEST(SendBuffer, IsLeftToTheKernelWhereThatWouldGiveLess) {
  for (const uint32_t round_trip_us : {1'704U, 5'000U, 16'000U, 100'000U, ~0U}) {
    EXPECT_EQ(send_buffer_bytes(round_trip_us), std::nullopt) << round_trip_us;
  }
}

TEST(SendBuffer, IsLeftToTheKernelWhereTheRoundTripIsNotKnown) {
  EXPECT_EQ(send_buffer_bytes(0), std::nullopt);
}

template <typename Value>
Value option(const UniqueFd& socket, int level, int name) {
  Value value{};
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(socket.get(), level, name, &value, &size), 0);
  return value;
}

TEST(SendBuffer, IsThatOfAnAdoptedConnection) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener.get(), generic, sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), generic, &size), 0);
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(client.get(), generic, sizeof address), 0);
  const UniqueFd accepted(::accept(listener.get(), nullptr, nullptr));
  ASSERT_TRUE(accepted.valid());
  const int before = option<int>(accepted, SOL_SOCKET, SO_SNDBUF);
  // Nothing is sent, so that it stays what it was when the connection was made, however slow that
  // went here.
  const auto wanted = send_buffer_bytes(option<tcp_info>(accepted, IPPROTO_TCP, TCP_INFO).tcpi_rtt);
  boost::asio::io_context context;
  Stream stream(context);
  stream.adopt(::dup(accepted.get()), false);
  EXPECT_EQ(option<int>(accepted, SOL_SOCKET, SO_SNDBUF), wanted ? 2 * *wanted : before);
}

}  // namespace
}  // namespace holdfast::transfer
