// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernel says of a network interface and of the machine's addresses.
//
// Asked at start and every few seconds by the supervisor; needs no right. Errors are sentences.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/error.h"

namespace holdfast::transport {

struct NetworkInterface {
  std::string name;
  unsigned index = 0;
  std::array<uint8_t, 6> hardware_address{};
  uint32_t mtu = 0;
  uint32_t receive_queues = 1;
  std::string driver;  // empty if it does not say
  bool is_up = false;
  bool is_ethernet = false;

  // Its frames may come before their UDP checksum was completed (transport/xdp_frame.h).
  [[nodiscard]] bool has_partial_checksums() const;
};

[[nodiscard]] Result<NetworkInterface> read_interface(const std::string& name);

struct InterfaceAddress {
  std::string interface;
  Endpoint address;  // port 0
};
// Of all interfaces; without loopback and link-local ones.
[[nodiscard]] Result<std::vector<InterfaceAddress>> list_addresses();

}  // namespace holdfast::transport
