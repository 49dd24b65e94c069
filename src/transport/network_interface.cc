// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/network_interface.h"

#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/file.h"

namespace holdfast::transport {

namespace {

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

// Not every driver answers; what it does not tell stays as it is.
template <typename Command>
bool ask_driver(int socket, const std::string& name, Command& command) {
  ifreq request = request_for(name);
  request.ifr_data = reinterpret_cast<char*>(&command);
  return ioctl(socket, SIOCETHTOOL, &request) == 0;
}

bool is_link_local(const in6_addr& address) {
  return address.s6_addr[0] == 0xfe && (address.s6_addr[1] & 0xc0) == 0x80;
}

struct FreeAddresses {
  void operator()(ifaddrs* list) const { freeifaddrs(list); }
};

}  // namespace

bool NetworkInterface::has_partial_checksums() const {
  return driver == "veth" || driver == "virtio_net" || driver == "tun" || driver == "xen_netfront";
}

Result<NetworkInterface> read_interface(const std::string& name) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return fail_system("ask for network interfaces", errno);
  NetworkInterface result;
  result.name = name;
  ifreq request = request_for(name);
  if (name.empty() || name.size() >= IFNAMSIZ || ioctl(socket.get(), SIOCGIFINDEX, &request) != 0) {
    return fail("there is no interface '" + name + "'");
  }
  result.index = static_cast<unsigned>(request.ifr_ifindex);
  if (ioctl(socket.get(), SIOCGIFHWADDR, &request) != 0 ||
      request.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
    return result;
  }
  result.is_ethernet = true;
  std::memcpy(result.hardware_address.data(), request.ifr_hwaddr.sa_data, 6);
  if (ioctl(socket.get(), SIOCGIFMTU, &request) == 0) {
    result.mtu = static_cast<uint32_t>(request.ifr_mtu);
  }
  if (ioctl(socket.get(), SIOCGIFFLAGS, &request) == 0) {
    result.is_up = (request.ifr_flags & IFF_UP) != 0;
  }
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  if (ask_driver(socket.get(), name, driver)) result.driver = driver.driver;
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  if (ask_driver(socket.get(), name, channels)) {
    result.receive_queues = std::max(1U, channels.rx_count + channels.combined_count);
  }
  return result;
}

Result<std::vector<InterfaceAddress>> list_addresses() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return fail_system("ask for the machine's addresses", errno);
  const std::unique_ptr<ifaddrs, FreeAddresses> list(first);
  std::vector<InterfaceAddress> result;
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    InterfaceAddress found{.interface = entry->ifa_name, .address = {}};
    if (entry->ifa_addr->sa_family == AF_INET) {
      sockaddr_in four;
      std::memcpy(&four, entry->ifa_addr, sizeof four);
      std::memcpy(found.address.address.data(), &four.sin_addr, 4);
      if (found.address.address[0] == 127) continue;
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 six;
      std::memcpy(&six, entry->ifa_addr, sizeof six);
      if (is_link_local(six.sin6_addr) || IN6_IS_ADDR_LOOPBACK(&six.sin6_addr)) continue;
      std::memcpy(found.address.address.data(), &six.sin6_addr, 16);
      found.address.address_size = 16;
    } else {
      continue;
    }
    result.push_back(std::move(found));
  }
  return result;
}

}  // namespace holdfast::transport
