// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/socket.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace holdfast::transport {

namespace {

std::string name_of(const Endpoint& endpoint, SocketType type) {
  return endpoint.to_text() + (type == SocketType::udp ? " (UDP)" : " (TCP)");
}

std::unexpected<Error> open_error(const Endpoint& endpoint, SocketType type, int error_number) {
  const std::string where = "cannot listen on " + name_of(endpoint, type);
  switch (error_number) {
    case EADDRINUSE:
      return fail(where + ": the port is in use by another program, or by this one already");
    case EACCES:
      return fail(where + ": ports below 1024 need root or CAP_NET_BIND_SERVICE");
    case EADDRNOTAVAIL:
      return fail(where + ": this machine does not have the address" +
                  (endpoint.is_ipv6() ? ", or IPv6 is switched off" : ""));
    case EAFNOSUPPORT:
      return fail(where + ": this machine has no " + (endpoint.is_ipv6() ? "IPv6" : "IPv4"));
    case EMFILE:
    case ENFILE:
      return fail(where + ": too few file descriptors");
    default:
      return fail_system(where, error_number);
  }
}

Result<UniqueFd> make_socket(const Endpoint& endpoint, SocketType type) {
  const int family = endpoint.is_ipv6() ? AF_INET6 : AF_INET;
  const int kind = type == SocketType::udp ? SOCK_DGRAM : SOCK_STREAM;
  UniqueFd socket(::socket(family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return open_error(endpoint, type, errno);
  return socket;
}

bool set_option(int socket, int level, int option, int value) {
  return setsockopt(socket, level, option, &value, sizeof value) == 0;
}

bool bind_to(int socket, const Endpoint& endpoint) {
  sockaddr_storage storage{};
  const socklen_t size = endpoint.to_sockaddr(storage);
  return bind(socket, reinterpret_cast<const sockaddr*>(&storage), size) == 0;
}

// Only where a socket stands for several addresses, or leaves the interface open, does it have to
// say of each datagram where it came in, which is a copy on the way in and one on the way out.
bool needs_packet_information(const Endpoint& endpoint) {
  const bool is_link_local =
      endpoint.is_ipv6() && endpoint.address[0] == 0xfe && (endpoint.address[1] & 0xc0) == 0x80;
  return endpoint.is_wildcard() || is_link_local;
}

bool prepare_udp(int socket, const Endpoint& endpoint) {
  // Beyond net.core.rmem_max with CAP_NET_ADMIN; else as much as the limit allows.
  if (!set_option(socket, SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer_bytes)) {
    set_option(socket, SOL_SOCKET, SO_RCVBUF, receive_buffer_bytes);
  }
  if (!set_option(socket, SOL_SOCKET, SO_SNDBUFFORCE, receive_buffer_bytes)) {
    set_option(socket, SOL_SOCKET, SO_SNDBUF, receive_buffer_bytes);
  }
  // OMIT: neither DF nor path MTU from ICMP, which strangers can forge (RFC 9715 §3.1).
  const int informs = needs_packet_information(endpoint) ? 1 : 0;
  if (endpoint.is_ipv6()) {
    return set_option(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT) &&
           set_option(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, informs) &&
           set_option(socket, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
  }
  return set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT) &&
         set_option(socket, IPPROTO_IP, IP_PKTINFO, informs) &&
         set_option(socket, IPPROTO_IP, IP_RECVTTL, 1);
}

}  // namespace

Result<void> check_address_free(const Endpoint& endpoint, SocketType type) {
  const UniqueFd socket = TRY(make_socket(endpoint, type));
  if (endpoint.is_ipv6()) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  // Connections that linger from the last run do not matter, a listener does.
  if (type == SocketType::tcp) set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (!bind_to(socket.get(), endpoint)) return open_error(endpoint, type, errno);
  return {};
}

Result<UniqueFd> open_bound(const Endpoint& endpoint, SocketType type) {
  UniqueFd opened = TRY(make_socket(endpoint, type));
  const int socket = opened.get();
  bool good = set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1);
  if (endpoint.is_ipv6()) good = good && set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (type == SocketType::udp) {
    good = good && prepare_udp(socket, endpoint);
  } else {
    good = good && set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1) &&
           set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  }
  if (!good) return fail_system("set up a socket for " + name_of(endpoint, type), errno);
  if (!bind_to(socket, endpoint)) return open_error(endpoint, type, errno);
  return opened;
}

Result<UniqueFd> open_socket(const Endpoint& endpoint, SocketType type) {
  UniqueFd opened = TRY(open_bound(endpoint, type));
  if (type == SocketType::tcp && listen(opened.get(), listen_backlog) != 0) {
    return open_error(endpoint, type, errno);
  }
  return opened;
}

std::vector<sock_filter> program_by_cpu(std::span<const uint32_t> cpus) {
  const auto statement = [](unsigned code, uint32_t value, uint8_t if_false = 0) {
    return sock_filter{.code = static_cast<uint16_t>(code), .jt = 0, .jf = if_false, .k = value};
  };
  std::vector<sock_filter> program = {
      statement(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_CPU))};
  const auto count = static_cast<uint32_t>(cpus.size());
  for (uint32_t i = 0; i < count; ++i) {
    if (cpus[i] % count == i) continue;  // as the remainder has it
    program.push_back(statement(BPF_JMP | BPF_JEQ | BPF_K, cpus[i], 1));
    program.push_back(statement(BPF_RET | BPF_K, i));
  }
  program.push_back(statement(BPF_ALU | BPF_MOD | BPF_K, count));
  program.push_back(statement(BPF_RET | BPF_A, 0));
  return program;
}

Result<void> steer_by_cpu(int socket, std::span<const uint32_t> cpus) {
  std::vector<sock_filter> program = program_by_cpu(cpus);
  const sock_fprog filter{.len = static_cast<uint16_t>(program.size()), .filter = program.data()};
  if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof filter) != 0) {
    return fail_system("steer packets to the workers' processors", errno);
  }
  return {};
}

int attach_filter(int socket, std::span<const sock_filter> program) {
  // The kernel reads it only.
  const sock_fprog filter{.len = static_cast<uint16_t>(program.size()),
                          .filter = const_cast<sock_filter*>(program.data())};
  const auto attach = [&] {
    return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0 ? 0
                                                                                         : errno;
  };
  if (attach() == 0) return 0;
  detach_filter(socket);
  return attach();
}

void detach_filter(int socket) {
  const int unused = 0;
  (void)setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
}

Backlog backlog_of(int socket) {
  std::array<uint32_t, SK_MEMINFO_VARS> information{};
  socklen_t size = sizeof information;
  if (getsockopt(socket, SOL_SOCKET, SO_MEMINFO, information.data(), &size) != 0) return {};
  const uint64_t used = information[SK_MEMINFO_RMEM_ALLOC];
  const uint64_t room = std::max(information[SK_MEMINFO_RCVBUF], 1U);
  return {.permille = static_cast<uint32_t>(std::min<uint64_t>(used * 1000 / room, 1000)),
          .drops = information[SK_MEMINFO_DROPS]};
}

uint32_t kernel_drops(int socket) { return backlog_of(socket).drops; }

}  // namespace holdfast::transport
