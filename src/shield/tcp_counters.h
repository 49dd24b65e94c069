// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernel counts of beginnings of TCP connections, and how it is set up for a flood of
// them.
//
// From /proc/net/netstat and /proc/sys: for all sockets of the network namespace, those of other
// programs too. Not told where /proc is not to be read. A reading costs some 50 us. Makes system
// calls; never allocates. Thread: the owner's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/file.h"

namespace holdfast::shield {

struct TcpCounters {
  static constexpr size_t count = 7;
  // As the kernel calls them.
  static constexpr std::array<std::string_view, count> names = {
      "SyncookiesSent", "SyncookiesRecv",       "SyncookiesFailed", "ListenOverflows",
      "ListenDrops",    "TCPReqQFullDoCookies", "TCPReqQFullDrop"};
  std::array<uint64_t, count> values{};

  // Beginnings that found no room among those under way: answered with a cookie, or dropped. In a
  // flood that is nearly all of them, in quiet times none.
  [[nodiscard]] uint64_t beyond_room() const;
};
// Of the text of /proc/net/netstat; none if it has no such counters.
[[nodiscard]] std::optional<TcpCounters> find_tcp_counters(std::string_view text);

class TcpCounterReader {
 public:
  TcpCounterReader();
  [[nodiscard]] std::optional<TcpCounters> read();

 private:
  static constexpr size_t text_bytes_max = size_t{16} << 10;

  UniqueFd file_;
  std::array<char, text_bytes_max> text_{};
};

// net.ipv4.tcp_syncookies: 0 off, 1 when there is no more room, 2 always. None: not told.
[[nodiscard]] std::optional<uint32_t> read_syncookies();

}  // namespace holdfast::shield
