// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/send_datagram.h"

#include <sys/socket.h>

#include <cstring>

namespace holdfast::transfer {

void send_datagram(int socket, const sockaddr_in6& client, const Endpoint& from, Bytes message) {
  union {
    cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(in6_pktinfo))];
  } room{};
  iovec part{.iov_base = const_cast<uint8_t*>(message.data()), .iov_len = message.size()};
  msghdr header{};
  sockaddr_in6 to = client;
  header.msg_name = &to;
  header.msg_namelen = from.is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = room.bytes;
  header.msg_controllen = sizeof room.bytes;
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  if (from.is_ipv6()) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, from.address.data(), sizeof info.ipi6_addr);
    control->cmsg_level = IPPROTO_IPV6;
    control->cmsg_type = IPV6_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, from.address.data(), sizeof info.ipi_spec_dst);
    control->cmsg_level = IPPROTO_IP;
    control->cmsg_type = IP_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
    header.msg_controllen = CMSG_SPACE(sizeof info);
  }
  (void)::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace holdfast::transfer
