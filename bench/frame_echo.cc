// SPDX-License-Identifier: GPL-3.0-or-later
#include "frame_echo.h"

#include <algorithm>

#include "drill/checksum.h"

namespace holdfast::bench {
namespace {

constexpr size_t mac_bytes = 6;
constexpr size_t ethernet_bytes = 14;
constexpr size_t udp_bytes = 8;
constexpr size_t dns_bytes = 12;
constexpr uint16_t ethertype_ipv4 = 0x0800;
constexpr uint8_t protocol_udp = 17;
constexpr uint8_t response_bit = 0x80;

struct IpShape {
  size_t header_bytes;
  size_t source_at;
  size_t address_bytes;
};
constexpr IpShape ipv4{20, 12, 4};
constexpr IpShape ipv6{40, 8, 16};

void swap(uint8_t* at, size_t bytes) { std::swap_ranges(at, at + bytes, at + bytes); }

uint16_t finish(uint32_t sum) {
  sum = (sum & 0xFFFF) + (sum >> 16);
  sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace

size_t turn_frame_around(MutableBytes room, size_t frame_bytes, size_t answer_bytes) {
  uint8_t* frame = room.data();
  if (room.size() < ethernet_bytes + ipv6.header_bytes + udp_bytes + dns_bytes) return 0;
  const bool is_ipv4 = load_be16(frame + 2 * mac_bytes) == ethertype_ipv4;
  const IpShape& shape = is_ipv4 ? ipv4 : ipv6;
  const size_t headers = ethernet_bytes + shape.header_bytes + udp_bytes;
  const size_t answer = answer_bytes != 0 ? answer_bytes : frame_bytes - headers;
  if (frame_bytes < headers + dns_bytes || answer < dns_bytes || headers + answer > room.size()) {
    return 0;
  }
  uint8_t* ip = frame + ethernet_bytes;
  uint8_t* udp = ip + shape.header_bytes;
  swap(frame, mac_bytes);
  swap(ip + shape.source_at, shape.address_bytes);
  swap(udp, 2);
  udp[udp_bytes + 2] |= response_bit;
  const auto udp_length = static_cast<uint16_t>(udp_bytes + answer);
  store_be16(udp + 4, udp_length);
  store_be16(udp + 6, 0);  // in IPv4: none (RFC 768)
  if (is_ipv4) {
    store_be16(ip + 2, static_cast<uint16_t>(shape.header_bytes + udp_length));
    store_be16(ip + 10, 0);
    store_be16(ip + 10, finish(drill::checksum_share(Bytes(ip, shape.header_bytes))));
  } else {
    store_be16(ip + 4, udp_length);
    const Bytes summed(ip + shape.source_at, 2 * shape.address_bytes + udp_length);
    const uint16_t checksum = finish(drill::checksum_share(summed) + protocol_udp + udp_length);
    store_be16(udp + 6, checksum != 0 ? checksum : 0xFFFF);
  }
  return headers + answer;
}

}  // namespace holdfast::bench
