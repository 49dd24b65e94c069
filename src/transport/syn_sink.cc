// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/syn_sink.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

namespace holdfast::transport {

namespace {

constexpr int hop_limit_of_neighbours = 255;
// The kernel answers nothing for which there is no room.
constexpr int sink_backlog = 0;

int attach_choice(int listener, std::span<const sock_filter> program) {
  // The kernel reads it only.
  const sock_fprog choice{.len = static_cast<uint16_t>(program.size()),
                          .filter = const_cast<sock_filter*>(program.data())};
  return setsockopt(listener, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &choice, sizeof choice) == 0
             ? 0
             : errno;
}

}  // namespace

ListenerChoice choose_by_lot(uint32_t listeners) {
  ListenerChoice choice{.listeners = listeners, .steering = Steering::by_hash, .program = {}};
  const auto add = [&](unsigned code, uint32_t value) {
    choice.program.push_back({.code = static_cast<uint16_t>(code), .jt = 0, .jf = 0, .k = value});
  };
  if (listeners > 1) {
    add(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM));
    add(BPF_ALU | BPF_MOD | BPF_K, listeners);
    add(BPF_RET | BPF_A, 0);
  } else {
    add(BPF_RET | BPF_K, 0);
  }
  return choice;
}

ListenerChoice choose_by_cpu(std::span<const uint32_t> cpus) {
  return {.listeners = static_cast<uint32_t>(cpus.size()),
          .steering = Steering::by_cpu,
          .program = program_by_cpu(cpus)};
}

Result<UniqueFd> open_sink(const Endpoint& endpoint) {
  UniqueFd sink = TRY(open_bound(endpoint, SocketType::tcp));
  const int level = endpoint.is_ipv6() ? IPPROTO_IPV6 : IPPROTO_IP;
  const int option = endpoint.is_ipv6() ? IPV6_MINHOPCOUNT : IP_MINTTL;
  if (setsockopt(sink.get(), level, option, &hop_limit_of_neighbours,
                 sizeof hop_limit_of_neighbours) != 0) {
    return fail_system("set up a socket that drops connections of floods at " + endpoint.to_text(),
                       errno);
  }
  return sink;
}

int divert(int listener, int sink, std::span<const sock_filter> program) {
  // Before it listens: whom the program sends there meanwhile is spread as ever.
  if (const int error = attach_choice(listener, program); error != 0) return error;
  return listen(sink, sink_backlog) == 0 ? 0 : errno;
}

int end_diversion(int listener, int sink, const ListenerChoice& choice) {
  rest_sink(sink);
  const int error = attach_choice(listener, choice.program);
  if (error == 0 && choice.steering == Steering::by_hash) {
    const int unused = 0;
    (void)setsockopt(listener, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof unused);
  }
  return error;
}

void rest_sink(int sink) { (void)shutdown(sink, SHUT_RD); }

}  // namespace holdfast::transport
