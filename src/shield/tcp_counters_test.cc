// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/tcp_counters.h"

#include <gtest/gtest.h>

namespace holdfast::shield {
namespace {

TEST(TcpCounters, AreFoundByTheirNames) {
  const auto counters = find_tcp_counters(
      "TcpExt: SyncookiesSent Others ListenDrops TCPReqQFullDoCookies TCPReqQFullDrop\n"
      "TcpExt: 12 7 3 11 5\n"
      "IpExt: InNoRoutes SyncookiesSent\n"
      "IpExt: 1 99\n");
  ASSERT_TRUE(counters);
  EXPECT_EQ(counters->values[0], 12u);
  EXPECT_EQ(counters->values[1], 0u);
  EXPECT_EQ(counters->values[4], 3u);
  EXPECT_EQ(counters->beyond_room(), 17u) << "those with a cookie, counted once, and those without";
}

TEST(TcpCounters, AnythingElseTellsNothing) {
  EXPECT_FALSE(find_tcp_counters(""));
  EXPECT_FALSE(find_tcp_counters("IpExt: InNoRoutes\nIpExt: 1\n"));
  EXPECT_FALSE(find_tcp_counters("TcpExt: SyncookiesSent"));
  EXPECT_FALSE(find_tcp_counters("TcpExt: Others\nTcpExt: 1\n"));
}

TEST(TcpCounters, TheKernelTellsThem) {
  if (!TcpCounterReader().read()) GTEST_SKIP() << "no /proc/net/netstat here";
  EXPECT_LE(read_syncookies().value_or(0), 2u);
}

}  // namespace
}  // namespace holdfast::shield
