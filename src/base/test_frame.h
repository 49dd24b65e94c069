// SPDX-License-Identifier: GPL-3.0-or-later
// Builds Ethernet frames with UDP datagrams for tests, well-formed or wrong in a chosen way.
//
// Set the fields, then call `build`. Lengths and checksums are right unless a field says otherwise;
// they are computed here the plain way, independently of what is tested. Addresses are text.
#pragma once

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace holdfast {

// The Internet checksum by RFC 1071's definition: sixteen bits at a time, not inverted.
inline uint16_t plain_sum(Bytes bytes, uint32_t sum = 0) {
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<uint32_t>(bytes[i]) << 8;
    if (i + 1 < bytes.size()) sum += bytes[i + 1];
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

struct TestFrame {
  enum class Checksum : uint8_t { right, wrong, zero, pseudo_header };  // of UDP

  std::array<uint8_t, 6> to_hardware{2, 0, 0, 0, 0, 1};
  std::array<uint8_t, 6> from_hardware{2, 0, 0, 0, 0, 2};
  std::string from = "192.0.2.2";  // both of one family, which makes the frame IPv4 or IPv6
  std::string to = "192.0.2.1";
  uint16_t from_port = 4242;
  uint16_t to_port = 53;
  std::vector<uint8_t> payload;

  std::vector<uint16_t> vlan_tags;
  uint8_t protocol = 17;
  uint16_t fragment_word = 0x4000;          // IPv4: DF
  size_t option_bytes = 0;                  // IPv4: multiple of 4
  std::optional<uint8_t> extension_header;  // IPv6: eight bytes of it before UDP
  std::optional<uint16_t> ip_length;        // total length (IPv4), payload length (IPv6)
  std::optional<uint16_t> udp_length;
  bool wrong_ip_checksum = false;
  Checksum checksum = Checksum::right;
  size_t padding_bytes = 0;         // behind the packet
  std::optional<size_t> cut_bytes;  // the frame ends here

  [[nodiscard]] bool is_ipv6() const { return to.find(':') != std::string::npos; }

  [[nodiscard]] std::vector<uint8_t> build() const {
    std::vector<uint8_t> frame;
    append(frame, to_hardware);
    append(frame, from_hardware);
    for (const uint16_t tag : vlan_tags) {
      append16(frame, 0x8100);
      append16(frame, tag);
    }
    append16(frame, is_ipv6() ? 0x86dd : 0x0800);
    const std::vector<uint8_t> datagram = build_udp();
    is_ipv6() ? append_ipv6(frame, datagram.size()) : append_ipv4(frame, datagram.size());
    append(frame, datagram);
    frame.resize(frame.size() + padding_bytes, 0xee);
    if (cut_bytes) frame.resize(*cut_bytes);
    return frame;
  }

 private:
  template <typename Range>
  static void append(std::vector<uint8_t>& to_bytes, const Range& bytes) {
    to_bytes.insert(to_bytes.end(), bytes.begin(), bytes.end());
  }
  static void append16(std::vector<uint8_t>& bytes, size_t value) {
    bytes.push_back(static_cast<uint8_t>(value >> 8));
    bytes.push_back(static_cast<uint8_t>(value));
  }
  [[nodiscard]] std::vector<uint8_t> address(const std::string& text) const {
    std::vector<uint8_t> bytes(is_ipv6() ? 16 : 4);
    inet_pton(is_ipv6() ? AF_INET6 : AF_INET, text.c_str(), bytes.data());
    return bytes;
  }

  [[nodiscard]] std::vector<uint8_t> build_udp() const {
    const size_t length = 8 + payload.size();
    std::vector<uint8_t> pseudo = address(from);
    append(pseudo, address(to));
    append16(pseudo, 17);
    append16(pseudo, length);
    std::vector<uint8_t> datagram;
    append16(datagram, from_port);
    append16(datagram, to_port);
    append16(datagram, udp_length.value_or(static_cast<uint16_t>(length)));
    append16(datagram, 0);
    append(datagram, payload);
    uint16_t sum = plain_sum(pseudo);
    if (checksum != Checksum::pseudo_header) {
      sum = static_cast<uint16_t>(~plain_sum(datagram, sum));
      if (sum == 0) sum = 0xffff;
    }
    if (checksum == Checksum::wrong) sum ^= 0x0100;
    if (checksum == Checksum::zero) sum = 0;
    store_be16(datagram.data() + 6, sum);
    return datagram;
  }

  void append_ipv4(std::vector<uint8_t>& frame, size_t datagram_bytes) const {
    const size_t header_bytes = 20 + option_bytes;
    std::vector<uint8_t> header;
    append16(header, (0x40 + header_bytes / 4) << 8);
    append16(header, ip_length.value_or(static_cast<uint16_t>(header_bytes + datagram_bytes)));
    append16(header, 0x1234);
    append16(header, fragment_word);
    append16(header, 64 << 8 | protocol);
    append16(header, 0);
    append(header, address(from));
    append(header, address(to));
    header.resize(header_bytes, 1);  // NOP
    const auto sum = static_cast<uint16_t>(~plain_sum(header));
    store_be16(header.data() + 10, wrong_ip_checksum ? sum ^ 0x0100 : sum);
    append(frame, header);
  }

  void append_ipv6(std::vector<uint8_t>& frame, size_t datagram_bytes) const {
    const size_t extension_bytes = extension_header ? 8 : 0;
    append16(frame, 0x6000);
    append16(frame, 0);
    append16(frame, ip_length.value_or(static_cast<uint16_t>(extension_bytes + datagram_bytes)));
    append16(frame, size_t{extension_header.value_or(protocol)} << 8 | 64);
    append(frame, address(from));
    append(frame, address(to));
    if (!extension_header) return;
    append16(frame, size_t{protocol} << 8);
    append16(frame, 0x0104);  // PadN
    append16(frame, 0);
    append16(frame, 0);
  }
};

}  // namespace holdfast
