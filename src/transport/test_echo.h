// SPDX-License-Identifier: GPL-3.0-or-later
// What answers in tests of streams, and what it was told meanwhile.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>

#include "base/file.h"
#include "transport/tcp.h"

namespace holdfast::transport {

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

  // Connections of which it has been told, taken or not.
  [[nodiscard]] int met() const {
    int count = accepted;
    for (const auto& [reason, times] : refused) count += times;
    return count;
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

}  // namespace holdfast::transport
