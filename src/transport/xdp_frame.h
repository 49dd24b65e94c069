// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the frame of a UDP datagram and turns it, in place, into the frame of its answer.
//
// Ethernet, IPv4 without options or IPv6 without extension headers, UDP: what the XDP program lets
// through. Lengths come from the IP and UDP headers, never from the frame, which may be padded.
// Everything is checked here again; nothing reads beyond the frame. Pure; no allocation.
#pragma once

#include <netinet/in.h>

#include <array>

#include "base/bytes.h"

namespace holdfast::transport {

// What a UDP checksum may be beside right (and beside 0 over IPv4).
enum class ChecksumTrust : uint8_t {
  full_only,
  // Drivers of virtual links hand over datagrams of the same machine before their checksum has
  // been completed: the field then holds the sum of the pseudo header alone.
  pseudo_header_too,
};

enum class FrameFault : uint8_t { none, form, ip_checksum, udp_checksum };

struct UdpFrame {
  bool ipv6 = false;
  uint8_t hop_limit = 0;    // TTL
  uint16_t payload_at = 0;  // from the start of the frame
  uint16_t payload_bytes = 0;
  uint16_t local_port = 0;                // host order
  sockaddr_in6 peer;                      // or a sockaddr_in, if that is its family
  std::array<uint8_t, 16> local_address;  // IPv4: the first four

  [[nodiscard]] Bytes local_address_bytes() const {
    return Bytes(local_address).first(ipv6 ? 16 : 4);
  }
};

// Headers in front of a payload.
constexpr size_t ethernet_bytes = 14;
constexpr size_t ipv4_udp_bytes = ethernet_bytes + 20 + 8;
constexpr size_t ipv6_udp_bytes = ethernet_bytes + 40 + 8;

[[nodiscard]] FrameFault read_frame(Bytes frame, ChecksumTrust trust, UdpFrame& result);

// `room` begins with the frame as `read_frame` read it, and holds an answer of `payload_bytes` at
// `payload_at`. Swaps both ends, writes lengths and whole checksums, and returns the size of the
// frame. `identification` is for IPv4, where a router may split what is sent (RFC 6864).
size_t write_answer_headers(MutableBytes room, const UdpFrame& frame, size_t payload_bytes,
                            uint16_t identification);

}  // namespace holdfast::transport
