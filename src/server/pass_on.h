// SPDX-License-Identifier: GPL-3.0-or-later
// Which requests are control's to answer, and their way there (exchange/handover.h).
//
// Owner: one worker. Costs nothing for ordinary questions; a request that is passed on costs one
// system call that never waits. Bound: passed_on_a_second_max, so that a flood of such requests
// cannot take the time that questions need; what is beyond is answered with SERVFAIL.
#pragma once

#include <span>

#include "exchange/handover.h"
#include "wire/query.h"

namespace holdfast::server {

// A secondary of ten thousand zones asks some hundreds a second after a restart.
constexpr uint32_t passed_on_a_second_max = 2'000;

class PassOn {
 public:
  // A UDP socket of this worker, by which control answers.
  struct ReplySocket {
    Endpoint endpoint;
    int udp = -1;
  };
  // `sender` is the answer processes' end. `sockets` are copied.
  PassOn(int sender, std::span<const ReplySocket> sockets)
      : sender_(sender), sockets_(sockets.begin(), sockets.end()) {}

  // A transfer, a NOTIFY, an UPDATE, or any request that is signed.
  [[nodiscard]] static bool is_for_control(const wire::Query& query);

  // All may return false: nothing was passed on. `now_ns` is monotonic.
  [[nodiscard]] bool pass_datagram(Bytes datagram, const sockaddr_in6& client,
                                   const Endpoint& server, uint64_t now_ns);
  [[nodiscard]] bool pass_connection(Bytes unread, int connection, const sockaddr_in6& client,
                                     const Endpoint& server, uint64_t now_ns);

 private:
  [[nodiscard]] bool is_within_budget(uint64_t now_ns);
  [[nodiscard]] int socket_of(const Endpoint& server) const;

  exchange::HandoverSender sender_;
  std::vector<ReplySocket> sockets_;
  uint64_t second_ = 0;
  uint32_t passed_on_ = 0;  // in that second
};

}  // namespace holdfast::server
