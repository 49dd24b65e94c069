// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/xdp_frame.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "transport/internet_checksum.h"

namespace holdfast::transport {

namespace {

constexpr size_t ipv4_bytes = 20;
constexpr size_t ipv6_bytes = 40;
constexpr size_t udp_bytes = 8;
constexpr uint16_t ethertype_ipv4 = 0x0800;
constexpr uint16_t ethertype_ipv6 = 0x86dd;
constexpr uint8_t protocol_udp = 17;
constexpr uint8_t hops = 64;  // RFC 1700's default, as the kernel's
constexpr uint16_t dont_fragment = 0x4000;

void store_native(uint8_t* at, uint16_t value) { std::memcpy(at, &value, sizeof value); }
uint16_t load_native(const uint8_t* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Both addresses, the protocol and the length (RFC 768, RFC 8200 §8.1).
uint64_t pseudo_header_sum(Bytes addresses, size_t datagram_bytes) {
  const std::array<uint8_t, 4> rest = {0, protocol_udp, static_cast<uint8_t>(datagram_bytes >> 8),
                                       static_cast<uint8_t>(datagram_bytes)};
  return add_to_sum(add_to_sum(0, addresses), rest);
}

bool is_udp_checksum_good(Bytes datagram, Bytes addresses, bool ipv6, ChecksumTrust trust) {
  const uint16_t given = load_native(datagram.data() + 6);
  if (given == 0) return !ipv6;  // none was computed, which IPv6 forbids
  const uint64_t pseudo = pseudo_header_sum(addresses, datagram.size());
  if (trust == ChecksumTrust::pseudo_header_too && given == fold_sum(pseudo)) return true;
  return fold_sum(add_to_sum(pseudo, datagram)) == 0xffff;
}

FrameFault read_udp(Bytes datagram, Bytes addresses, ChecksumTrust trust, UdpFrame& result) {
  if (datagram.size() < udp_bytes || load_be16(datagram.data() + 4) != datagram.size()) {
    return FrameFault::form;
  }
  if (!is_udp_checksum_good(datagram, addresses, result.ipv6, trust)) {
    return FrameFault::udp_checksum;
  }
  result.payload_bytes = static_cast<uint16_t>(datagram.size() - udp_bytes);
  result.local_port = load_be16(datagram.data() + 2);
  // A sockaddr_in has its port in the same place.
  std::memcpy(&result.peer.sin6_port, datagram.data(), 2);
  const size_t address_bytes = addresses.size() / 2;
  std::memcpy(result.local_address.data(), addresses.data() + address_bytes, address_bytes);
  return FrameFault::none;
}
static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));

FrameFault read_ipv4(Bytes packet, ChecksumTrust trust, UdpFrame& result) {
  if (packet.size() < ipv4_bytes || packet[0] != 0x45 || packet[9] != protocol_udp) {
    return FrameFault::form;
  }
  const size_t total = load_be16(packet.data() + 2);
  const uint16_t fragment = load_be16(packet.data() + 6);
  if (total < ipv4_bytes || total > packet.size() || (fragment & ~dont_fragment) != 0) {
    return FrameFault::form;
  }
  if (fold_sum(add_to_sum(0, packet.first(ipv4_bytes))) != 0xffff) return FrameFault::ip_checksum;
  result.ipv6 = false;
  result.hop_limit = packet[8];
  result.payload_at = ipv4_udp_bytes;
  sockaddr_in four{};
  four.sin_family = AF_INET;
  std::memcpy(&four.sin_addr, packet.data() + 12, 4);
  std::memcpy(&result.peer, &four, sizeof four);
  return read_udp(packet.subspan(ipv4_bytes, total - ipv4_bytes), packet.subspan(12, 8), trust,
                  result);
}

FrameFault read_ipv6(Bytes packet, ChecksumTrust trust, UdpFrame& result) {
  if (packet.size() < ipv6_bytes || packet[0] >> 4 != 6 || packet[6] != protocol_udp) {
    return FrameFault::form;
  }
  const size_t payload = load_be16(packet.data() + 4);
  if (payload > packet.size() - ipv6_bytes) return FrameFault::form;
  result.ipv6 = true;
  result.hop_limit = packet[7];
  result.payload_at = ipv6_udp_bytes;
  result.peer = {};
  result.peer.sin6_family = AF_INET6;
  std::memcpy(&result.peer.sin6_addr, packet.data() + 8, 16);
  return read_udp(packet.subspan(ipv6_bytes, payload), packet.subspan(8, 32), trust, result);
}

void swap_bytes(uint8_t* one, uint8_t* other, size_t count) {
  std::swap_ranges(one, one + count, other);
}

}  // namespace

FrameFault read_frame(Bytes frame, ChecksumTrust trust, UdpFrame& result) {
  if (frame.size() < ethernet_bytes) return FrameFault::form;
  const Bytes packet = frame.subspan(ethernet_bytes);
  switch (load_be16(frame.data() + 12)) {
    case ethertype_ipv4:
      return read_ipv4(packet, trust, result);
    case ethertype_ipv6:
      return read_ipv6(packet, trust, result);
    default:
      return FrameFault::form;
  }
}

size_t write_answer_headers(MutableBytes room, const UdpFrame& frame, size_t payload_bytes,
                            uint16_t identification) {
  const size_t datagram_bytes = udp_bytes + payload_bytes;
  const size_t frame_bytes = frame.payload_at + payload_bytes;
  CHECK(frame_bytes <= room.size());
  uint8_t* const ethernet = room.data();
  uint8_t* const ip = ethernet + ethernet_bytes;
  uint8_t* const udp = ethernet + frame.payload_at - udp_bytes;
  swap_bytes(ethernet, ethernet + 6, 6);
  uint8_t* addresses = ip + 8;
  size_t address_bytes = 16;
  if (frame.ipv6) {
    store_be32(ip, 0x60000000);
    store_be16(ip + 4, static_cast<uint16_t>(datagram_bytes));
    ip[7] = hops;
  } else {
    addresses = ip + 12;
    address_bytes = 4;
    ip[1] = 0;
    store_be16(ip + 2, static_cast<uint16_t>(ipv4_bytes + datagram_bytes));
    store_be16(ip + 4, identification);
    store_be16(ip + 6, 0);
    ip[8] = hops;
    store_be16(ip + 10, 0);
  }
  swap_bytes(addresses, addresses + address_bytes, address_bytes);
  if (!frame.ipv6) {
    const uint64_t sum = add_to_sum(0, Bytes(ip, ipv4_bytes));
    store_native(ip + 10, static_cast<uint16_t>(~fold_sum(sum)));
  }
  swap_bytes(udp, udp + 2, 2);
  store_be16(udp + 4, static_cast<uint16_t>(datagram_bytes));
  store_be16(udp + 6, 0);
  const uint64_t pseudo = pseudo_header_sum(Bytes(addresses, 2 * address_bytes), datagram_bytes);
  const auto checksum =
      static_cast<uint16_t>(~fold_sum(add_to_sum(pseudo, Bytes(udp, datagram_bytes))));
  store_native(udp + 6, checksum == 0 ? 0xffff : checksum);  // 0 would say that there is none
  return frame_bytes;
}

}  // namespace holdfast::transport
