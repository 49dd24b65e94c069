// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/client_addresses.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "drill/laboratory.h"

namespace holdfast::drill {
namespace {

constexpr size_t file_bytes_max = 64U << 20;
constexpr uint32_t step = 65537;  // a prime that does not divide clients_max_ipv4: all are reached
constexpr uint32_t wide_step = 2'654'435'761;  // odd, so all of a power of two are reached
constexpr HashKey spread_key{0x9E3779B97F4A7C15, 0xD1B54A32D192ED03};

uint32_t clients_max(AddressFamily family) {
  return family == AddressFamily::ipv6 ? clients_max_ipv6 : clients_max_ipv4;
}

Prefix client_ipv4(uint32_t index) {
  const auto offset = static_cast<uint32_t>(uint64_t{index} * step % clients_max_ipv4) + 256;
  Prefix client = client_range_ipv4();
  store_be32(client.address.data(), load_be32(client.address.data()) + offset);
  client.bits = 32;
  return client;
}

// The subnet's first bit set, as the laboratory's own link has it unset; the index at the end, so
// that no two are alike.
Prefix client_ipv6(uint32_t index) {
  const uint64_t mixed = hash_mix(index ^ spread_key.low, spread_key.high);
  Prefix client = client_range_ipv6();
  store_be32(client.address.data() + 4, static_cast<uint32_t>(mixed) | 0x80000000);
  store_be32(client.address.data() + 8, static_cast<uint32_t>(mixed >> 32));
  store_be32(client.address.data() + 12, index);
  client.bits = 128;
  return client;
}

Prefix wide_client_ipv4(uint32_t index) {
  Prefix client = wide_range_ipv4();
  const uint32_t offset = (index * wide_step) & (wide_clients_max_ipv4 - 1);
  store_be32(client.address.data(), load_be32(client.address.data()) | offset);
  client.bits = 32;
  return client;
}

Result<Prefix> read_client(std::string_view line, AddressFamily family) {
  const Prefix client = TRY(parse_prefix(line));
  if (client.is_ipv6() != (family == AddressFamily::ipv6)) {
    return fail("'" + std::string(line) + "': an address of the other family");
  }
  const Prefix range = client.is_ipv6() ? client_range_ipv6() : client_range_ipv4();
  if (client.bits != client.address_size * 8 || !range.contains(client)) {
    return fail("'" + std::string(line) + "': expected an address within " + range.to_text());
  }
  return client;
}

}  // namespace

Result<std::vector<Prefix>> spread_clients(uint32_t count, AddressFamily family) {
  if (count == 0 || count > clients_max(family)) {
    return fail(std::to_string(count) + " sources: expected 1 to " +
                std::to_string(clients_max(family)));
  }
  std::vector<Prefix> clients;
  clients.reserve(count);
  for (uint32_t index = 0; index < count; ++index) {
    clients.push_back(family == AddressFamily::ipv6 ? client_ipv6(index) : client_ipv4(index));
  }
  return clients;
}

Result<std::vector<Prefix>> wide_clients(uint32_t first, uint32_t count, AddressFamily family) {
  const uint32_t most = family == AddressFamily::ipv6 ? clients_max_ipv6 : wide_clients_max_ipv4;
  if (count == 0 || count > most || first > most - count) {
    return fail(std::to_string(count) + " addresses: expected 1 to " + std::to_string(most));
  }
  std::vector<Prefix> clients;
  clients.reserve(count);
  for (uint32_t index = first; index < first + count; ++index) {
    clients.push_back(family == AddressFamily::ipv6 ? client_ipv6(index) : wide_client_ipv4(index));
  }
  return clients;
}

Result<std::vector<Prefix>> read_clients(const std::string& path, AddressFamily family) {
  const std::string text = TRY(read_file(path, file_bytes_max));
  std::vector<Prefix> clients;
  std::string_view rest = text;
  for (size_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    auto client = read_client(line, family);
    if (!client) return fail(path + ":" + std::to_string(number) + ": " + client.error().message);
    clients.push_back(*client);
  }
  if (clients.empty() || clients.size() > clients_max(family)) {
    return fail(path + ": " + std::to_string(clients.size()) + " addresses, expected 1 to " +
                std::to_string(clients_max(family)));
  }
  return clients;
}

}  // namespace holdfast::drill
