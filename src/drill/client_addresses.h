// SPDX-License-Identifier: GPL-3.0-or-later
// The addresses of simulated clients, all within the ranges of laboratories.
#pragma once

#include <string>
#include <vector>

#include "drill/prefix.h"

namespace holdfast::drill {

enum class AddressFamily : uint8_t { ipv4, ipv6 };

// 198.18.0.0/15 without the laboratory's own 198.18.0.0/24; as many of fd48:4600::/32 will do.
constexpr uint32_t clients_max_ipv4 = (1U << 17) - 256;
constexpr uint32_t clients_max_ipv6 = 1U << 20;

// `count` different addresses, the same each time, spread over the range.
[[nodiscard]] Result<std::vector<Prefix>> spread_clients(uint32_t count, AddressFamily family);

// `count` different addresses from the `first` on of a range with room for millions: those of a
// drill, where honest ones and others lie side by side. Each number has always the same address.
constexpr uint32_t wide_clients_max_ipv4 = 1U << 22;
[[nodiscard]] Result<std::vector<Prefix>> wide_clients(uint32_t first, uint32_t count,
                                                       AddressFamily family);

// From a file, one address a line.
[[nodiscard]] Result<std::vector<Prefix>> read_clients(const std::string& path,
                                                       AddressFamily family);

}  // namespace holdfast::drill
