// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/xdp_frame.h"

#include <bit>
#include <cstddef>
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

template <typename Word>
void store_native(uint8_t* at, Word value) {
  std::memcpy(at, &value, sizeof value);
}
template <typename Word>
Word load_native(const uint8_t* at) {
  Word value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// As 16 bits of a packet are added: in network order.
uint64_t summand(size_t value) { return htons(static_cast<uint16_t>(value)); }

// What UDP's checksum covers before the datagram: both addresses, the protocol and the length
// (RFC 768, RFC 8200 §8.1).
uint64_t pseudo_header_sum(uint64_t addresses_sum, size_t datagram_bytes) {
  return addresses_sum + summand(protocol_udp) + summand(datagram_bytes);
}

bool is_udp_checksum_good(Bytes datagram, uint64_t addresses_sum, bool ipv6, ChecksumTrust trust) {
  const auto given = load_native<uint16_t>(datagram.data() + 6);
  if (given == 0) return !ipv6;  // none was computed, which IPv6 forbids
  const uint64_t pseudo = pseudo_header_sum(addresses_sum, datagram.size());
  if (trust == ChecksumTrust::pseudo_header_too && given == fold_sum(pseudo)) return true;
  return fold_sum(add_to_sum(pseudo, datagram)) == 0xffff;
}

FrameFault read_udp(Bytes datagram, uint64_t addresses_sum, ChecksumTrust trust, UdpFrame& result) {
  if (datagram.size() < udp_bytes || load_be16(datagram.data() + 4) != datagram.size()) {
    return FrameFault::form;
  }
  if (!is_udp_checksum_good(datagram, addresses_sum, result.ipv6, trust)) {
    return FrameFault::udp_checksum;
  }
  result.payload_bytes = static_cast<uint16_t>(datagram.size() - udp_bytes);
  result.local_port = load_be16(datagram.data() + 2);
  return FrameFault::none;
}

// The beginning of a socket address: family, port, and what follows, which is an IPv4 address.
// Stored whole: what is stored in parts is waited for by whoever copies it soon.
void store_peer_head(sockaddr_in6& peer, uint16_t family, const uint8_t* port, uint32_t following) {
  static_assert(offsetof(sockaddr_in6, sin6_family) == 0 && offsetof(sockaddr_in, sin_family) == 0);
  static_assert(offsetof(sockaddr_in6, sin6_port) == 2 && offsetof(sockaddr_in, sin_port) == 2);
  static_assert(offsetof(sockaddr_in6, sin6_flowinfo) == 4 && offsetof(sockaddr_in, sin_addr) == 4);
  static_assert(std::endian::native == std::endian::little, "only little-endian machines");
  const uint64_t head =
      family | uint64_t{load_native<uint16_t>(port)} << 16 | uint64_t{following} << 32;
  std::memcpy(&peer, &head, sizeof head);
}

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
  const auto from = load_native<uint32_t>(packet.data() + 12);
  const auto to = load_native<uint32_t>(packet.data() + 16);
  const Bytes datagram = packet.subspan(ipv4_bytes, total - ipv4_bytes);
  const FrameFault fault = read_udp(datagram, uint64_t{from} + to, trust, result);
  if (fault != FrameFault::none) return fault;
  store_peer_head(result.peer, AF_INET, datagram.data(), from);
  static_assert(offsetof(sockaddr_in, sin_zero) == offsetof(sockaddr_in6, sin6_addr));
  std::memset(&result.peer.sin6_addr, 0, sizeof(sockaddr_in::sin_zero));
  store_native(result.local_address.data(), to);
  return FrameFault::none;
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
  const uint8_t* from = packet.data() + 8;
  const uint8_t* to = packet.data() + 24;
  const Bytes datagram = packet.subspan(ipv6_bytes, payload);
  const FrameFault fault = read_udp(datagram, add_to_sum(0, {from, 32}), trust, result);
  if (fault != FrameFault::none) return fault;
  store_peer_head(result.peer, AF_INET6, datagram.data(), 0);
  std::memcpy(&result.peer.sin6_addr, from, 16);
  result.peer.sin6_scope_id = 0;
  std::memcpy(result.local_address.data(), to, 16);
  return FrameFault::none;
}

template <typename Word>
void swap_words(uint8_t* one, uint8_t* other) {
  const auto first = load_native<Word>(one);
  store_native(one, load_native<Word>(other));
  store_native(other, first);
}

// Each of these turns an IP header round and returns the sum of its addresses. What is added is
// added before it is stored: to load what has just been stored in other pieces waits until all
// that was stored before has reached the cache.
uint64_t turn_ipv4(uint8_t* ip, size_t datagram_bytes, uint16_t identification) {
  constexpr uint32_t version_and_length = 0x45000000;
  constexpr uint16_t hops_and_protocol = hops << 8 | protocol_udp;
  const size_t total = ipv4_bytes + datagram_bytes;
  const auto from = load_native<uint32_t>(ip + 12);
  const auto to = load_native<uint32_t>(ip + 16);
  const uint64_t addresses_sum = uint64_t{from} + to;
  const uint64_t sum = addresses_sum + summand(version_and_length >> 16) + summand(total) +
                       summand(identification) + summand(hops_and_protocol);
  store_be32(ip, version_and_length | static_cast<uint32_t>(total));
  store_be32(ip + 4, uint32_t{identification} << 16);
  store_be16(ip + 8, hops_and_protocol);
  store_native(ip + 10, static_cast<uint16_t>(~fold_sum(sum)));
  store_native(ip + 12, to);
  store_native(ip + 16, from);
  return addresses_sum;
}

uint64_t turn_ipv6(uint8_t* ip, size_t datagram_bytes) {
  uint8_t* const from = ip + 8;
  uint8_t* const to = ip + 24;
  const uint64_t addresses_sum = add_to_sum(0, {from, 32});
  store_be32(ip, 0x60000000);
  store_be16(ip + 4, static_cast<uint16_t>(datagram_bytes));
  ip[7] = hops;
  swap_words<uint64_t>(from, to);
  swap_words<uint64_t>(from + 8, to + 8);
  return addresses_sum;
}

// The same for UDP, whose checksum covers all that follows.
void turn_udp(uint8_t* udp, size_t datagram_bytes, uint64_t addresses_sum) {
  const auto ports = load_native<uint32_t>(udp);
  const uint64_t header_sum =
      pseudo_header_sum(addresses_sum, datagram_bytes) + ports + summand(datagram_bytes);
  const auto checksum = static_cast<uint16_t>(
      ~fold_sum(add_to_sum(header_sum, {udp + udp_bytes, datagram_bytes - udp_bytes})));
  store_native(udp, std::rotl(ports, 16));
  store_be16(udp + 4, static_cast<uint16_t>(datagram_bytes));
  // 0 would say that there is none.
  store_native(udp + 6, checksum == 0 ? uint16_t{0xffff} : checksum);
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
  swap_words<uint32_t>(ethernet, ethernet + 6);
  swap_words<uint16_t>(ethernet + 4, ethernet + 10);
  const uint64_t addresses_sum =
      frame.ipv6 ? turn_ipv6(ip, datagram_bytes) : turn_ipv4(ip, datagram_bytes, identification);
  turn_udp(udp, datagram_bytes, addresses_sum);
  return frame_bytes;
}

}  // namespace holdfast::transport
