// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/netlink.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace holdfast::drill {
namespace {

constexpr size_t reply_bytes_max = 65536;  // what the kernel fills at once is below 32 KiB
constexpr size_t alignment = 4;

constexpr size_t aligned(size_t size) { return (size + alignment - 1) & ~(alignment - 1); }

template <class Struct>
Bytes bytes_of(const Struct& value) {
  return {static_cast<const uint8_t*>(static_cast<const void*>(&value)), sizeof value};
}

template <class Struct>
bool read_struct(Bytes bytes, Struct& value) {
  if (bytes.size() < sizeof value) return false;
  std::memcpy(&value, bytes.data(), sizeof value);
  return true;
}

uint8_t family_of(const Prefix& prefix) { return prefix.is_ipv6() ? AF_INET6 : AF_INET; }

Bytes address_bytes(const Prefix& prefix) {
  return Bytes(prefix.address).first(prefix.address_size);
}

std::string text_of(Bytes value) {
  const auto* end = static_cast<const uint8_t*>(std::memchr(value.data(), 0, value.size()));
  const size_t size = end != nullptr ? static_cast<size_t>(end - value.data()) : value.size();
  return {value.begin(), value.begin() + static_cast<std::ptrdiff_t>(size)};
}

uint32_t number_of(Bytes value) {
  uint32_t number = 0;
  return read_struct(value, number) ? number : 0;
}

// Calls `each(type, value)` for each attribute; a broken one ends it.
template <class Each>
void for_attributes(Bytes bytes, Each each) {
  nlattr head{};
  while (read_struct(bytes, head)) {
    if (head.nla_len < sizeof head || head.nla_len > bytes.size()) return;
    each(head.nla_type & NLA_TYPE_MASK, bytes.first(head.nla_len).subspan(sizeof head));
    const size_t step = aligned(head.nla_len);
    if (step >= bytes.size()) return;
    bytes = bytes.subspan(step);
  }
}

Link read_link(const ifinfomsg& message, Bytes attributes) {
  Link link;
  link.index = static_cast<unsigned>(message.ifi_index);
  link.is_loopback = (message.ifi_flags & IFF_LOOPBACK) != 0;
  for_attributes(attributes, [&link](int type, Bytes value) {
    switch (type) {
      case IFLA_IFNAME:
        link.name = text_of(value);
        break;
      case IFLA_IFALIAS:
        link.alias = text_of(value);
        break;
      case IFLA_LINK:
        link.peer_index = number_of(value);
        break;
      case IFLA_LINK_NETNSID:
        link.peer_namespace = static_cast<int>(number_of(value));
        break;
      case IFLA_ADDRESS:
        read_struct(value, link.mac);
        break;
      case IFLA_LINKINFO:
        for_attributes(value, [&link](int inner, Bytes kind) {
          if (inner == IFLA_INFO_KIND) link.kind = text_of(kind);
        });
        break;
      default:
        break;
    }
  });
  return link;
}

Prefix read_prefix(uint8_t family, uint8_t bits, Bytes address) {
  Prefix prefix;
  prefix.address_size = family == AF_INET6 ? 16 : 4;
  prefix.bits = bits;
  if (address.size() >= prefix.address_size) {
    std::memcpy(prefix.address.data(), address.data(), prefix.address_size);
  }
  return prefix;
}

}  // namespace

// A message with its attributes, written front to back.
class Netlink::Request {
 public:
  template <class Body>
  Request(uint16_t type, uint16_t flags, const Body& body) {
    bytes_.resize(sizeof(nlmsghdr));
    header_.nlmsg_type = type;
    header_.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    append(bytes_of(body));
  }

  Request& add(unsigned short type, Bytes value) {
    const nlattr head{static_cast<uint16_t>(sizeof(nlattr) + value.size()), type};
    append(bytes_of(head));
    append(value);
    return *this;
  }
  Request& add_text(unsigned short type, std::string_view text) {
    return add(type, Bytes(static_cast<const uint8_t*>(static_cast<const void*>(text.data())),
                           text.size()));
  }
  Request& add_u32(unsigned short type, uint32_t value) { return add(type, bytes_of(value)); }
  // What follows until close() lies within; `body` comes before it.
  size_t open(unsigned short type, Bytes body = {}) {
    const size_t start = bytes_.size();
    append(bytes_of(nlattr{0, type}));
    append(body);
    return start;
  }
  void close(size_t start) {
    const auto size = static_cast<uint16_t>(bytes_.size() - start);
    std::memcpy(bytes_.data() + start, &size, sizeof size);
  }

  [[nodiscard]] Bytes finish(uint32_t sequence) {
    header_.nlmsg_len = static_cast<uint32_t>(bytes_.size());
    header_.nlmsg_seq = sequence;
    std::memcpy(bytes_.data(), &header_, sizeof header_);
    return bytes_;
  }

 private:
  void append(Bytes bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    bytes_.resize(aligned(bytes_.size()));
  }

  nlmsghdr header_{};
  std::vector<uint8_t> bytes_;
};

Result<Netlink> Netlink::open() {
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket.valid()) return fail_system("cannot open an rtnetlink socket", errno);
  return Netlink(std::move(socket));
}

// Sends, then gives each message of the answer to `each` until the acknowledgement or the end.
template <class Each>
Result<void> Netlink::list(Request& request, const std::string& what, Each each) {
  const Bytes sent = request.finish(++sequence_);
  if (send(socket_.get(), sent.data(), sent.size(), 0) < 0) return fail_system(what, errno);
  std::vector<uint8_t> buffer(reply_bytes_max);
  for (;;) {
    const ssize_t received = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return fail_system(what, errno);
    Bytes rest = Bytes(buffer).first(static_cast<size_t>(received));
    nlmsghdr head{};
    while (read_struct(rest, head) && head.nlmsg_len >= sizeof head &&
           head.nlmsg_len <= rest.size()) {
      const Bytes body = rest.first(head.nlmsg_len).subspan(sizeof head);
      if (head.nlmsg_seq == sequence_) {
        if (head.nlmsg_type == NLMSG_DONE) return {};
        if (head.nlmsg_type == NLMSG_ERROR) {
          nlmsgerr error{};
          if (!read_struct(body, error)) return fail(what + ": the kernel's answer is cut short");
          if (error.error != 0) return fail_system(what, -error.error);
          return {};
        }
        each(body);
      }
      const size_t step = aligned(head.nlmsg_len);
      if (step >= rest.size()) break;
      rest = rest.subspan(step);
    }
  }
}

Result<void> Netlink::carry_out(Request& request, const std::string& what) {
  return list(request, what, [](Bytes) {});
}

Result<void> Netlink::create_veth(const VethEnd& here, const VethEnd& there, pid_t peer_pid) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, ifinfomsg{});
  request.add_text(IFLA_IFNAME, here.name).add(IFLA_ADDRESS, here.mac);
  request.add_u32(IFLA_NUM_TX_QUEUES, 1).add_u32(IFLA_NUM_RX_QUEUES, 1);
  const size_t info = request.open(IFLA_LINKINFO);
  request.add_text(IFLA_INFO_KIND, "veth");
  const size_t data = request.open(IFLA_INFO_DATA);
  const ifinfomsg peer_body{};
  const size_t peer = request.open(VETH_INFO_PEER, bytes_of(peer_body));
  request.add_text(IFLA_IFNAME, there.name).add(IFLA_ADDRESS, there.mac);
  request.add_u32(IFLA_NUM_TX_QUEUES, 1).add_u32(IFLA_NUM_RX_QUEUES, 1);
  request.add_u32(IFLA_NET_NS_PID, static_cast<uint32_t>(peer_pid));
  request.close(peer);
  request.close(data);
  request.close(info);
  return carry_out(request, "cannot make the veth pair " + here.name + ", " + there.name);
}

Result<void> Netlink::set_alias(unsigned interface_index, std::string_view alias) {
  ifinfomsg body{};
  body.ifi_index = static_cast<int>(interface_index);
  Request request(RTM_NEWLINK, NLM_F_ACK, body);
  request.add_text(IFLA_IFALIAS, alias);
  return carry_out(request, "cannot write an alias on an interface");
}

Result<void> Netlink::set_up(unsigned interface_index) {
  ifinfomsg body{};
  body.ifi_index = static_cast<int>(interface_index);
  body.ifi_flags = IFF_UP;
  body.ifi_change = IFF_UP;
  Request request(RTM_NEWLINK, NLM_F_ACK, body);
  return carry_out(request, "cannot set an interface up");
}

Result<void> Netlink::add_address(unsigned interface_index, const Prefix& prefix) {
  ifaddrmsg body{};
  body.ifa_family = family_of(prefix);
  body.ifa_prefixlen = prefix.bits;
  body.ifa_flags = IFA_F_NODAD;
  body.ifa_index = interface_index;
  Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, body);
  request.add(IFA_LOCAL, address_bytes(prefix)).add(IFA_ADDRESS, address_bytes(prefix));
  return carry_out(request, "cannot add the address " + prefix.to_text());
}

Result<void> Netlink::add_route(unsigned interface_index, const Prefix& to, const Prefix& gateway) {
  rtmsg body{};
  body.rtm_family = family_of(to);
  body.rtm_dst_len = to.bits;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_STATIC;
  body.rtm_scope = RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, body);
  request.add(RTA_DST, address_bytes(to)).add(RTA_GATEWAY, address_bytes(gateway));
  request.add_u32(RTA_OIF, interface_index);
  return carry_out(request, "cannot add a route to " + to.to_text());
}

Result<void> Netlink::add_local_range(unsigned interface_index, const Prefix& range) {
  rtmsg body{};
  body.rtm_family = family_of(range);
  body.rtm_dst_len = range.bits;
  body.rtm_table = RT_TABLE_LOCAL;
  body.rtm_protocol = RTPROT_STATIC;
  body.rtm_scope = RT_SCOPE_HOST;
  body.rtm_type = RTN_LOCAL;
  Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, body);
  request.add(RTA_DST, address_bytes(range)).add_u32(RTA_OIF, interface_index);
  return carry_out(request, "cannot take the range " + range.to_text());
}

Result<void> Netlink::add_neighbour(unsigned interface_index, const Prefix& address,
                                    const MacAddress& mac) {
  ndmsg body{};
  body.ndm_family = family_of(address);
  body.ndm_ifindex = static_cast<int>(interface_index);
  body.ndm_state = NUD_PERMANENT;
  Request request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, body);
  request.add(NDA_DST, address_bytes(address)).add(NDA_LLADDR, mac);
  return carry_out(request, "cannot add the neighbour " + address.to_text());
}

Result<int> Netlink::namespace_id(int namespace_fd) {
  int id = -1;
  Request request(RTM_GETNSID, NLM_F_ACK, rtgenmsg{});
  request.add_u32(NETNSA_FD, static_cast<uint32_t>(namespace_fd));
  TRY(list(request, "cannot ask for the id of a namespace", [&id](Bytes message) {
    rtgenmsg body{};
    if (!read_struct(message, body)) return;
    for_attributes(message.subspan(aligned(sizeof body)), [&id](int type, Bytes value) {
      if (type == NETNSA_NSID) id = static_cast<int>(number_of(value));
    });
  }));
  return id;
}

Result<std::vector<Link>> Netlink::links() {
  std::vector<Link> found;
  Request request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{});
  TRY(list(request, "cannot list interfaces", [&found](Bytes message) {
    ifinfomsg body{};
    if (read_struct(message, body)) {
      found.push_back(read_link(body, message.subspan(aligned(sizeof body))));
    }
  }));
  return found;
}

Result<std::vector<Prefix>> Netlink::addresses() {
  std::vector<Prefix> found;
  Request request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
  TRY(list(request, "cannot list addresses", [&found](Bytes message) {
    ifaddrmsg body{};
    if (!read_struct(message, body)) return;
    for_attributes(message.subspan(aligned(sizeof body)), [&](int type, Bytes value) {
      if (type != IFA_ADDRESS) return;
      found.push_back(read_prefix(body.ifa_family, body.ifa_prefixlen, value));
    });
  }));
  return found;
}

Result<std::vector<Route>> Netlink::routes() {
  std::vector<Route> found;
  Request request(RTM_GETROUTE, NLM_F_DUMP, rtmsg{});
  TRY(list(request, "cannot list routes", [&found](Bytes message) {
    rtmsg body{};
    if (!read_struct(message, body) || body.rtm_table == RT_TABLE_LOCAL) return;
    Route route;
    Bytes to;
    for_attributes(message.subspan(aligned(sizeof body)), [&](int type, Bytes value) {
      if (type == RTA_DST) to = value;
      if (type == RTA_OIF) route.interface_index = number_of(value);
    });
    route.to = read_prefix(body.rtm_family, body.rtm_dst_len, to);
    found.push_back(route);
  }));
  return found;
}

std::optional<Link> find_link(const std::vector<Link>& links, std::string_view name) {
  for (const Link& link : links) {
    if (link.name == name) return link;
  }
  return std::nullopt;
}

}  // namespace holdfast::drill
