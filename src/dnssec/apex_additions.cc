// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/apex_additions.h"

#include <algorithm>
#include <array>

#include "dnssec/type_bitmap.h"
#include "wire/types.h"
#include "zone/rdata_order.h"

namespace holdfast::dnssec {

namespace {

constexpr uint16_t csync_immediate = 1;
constexpr uint16_t csync_soa_minimum = 2;

bool holds(const std::vector<wire::Name>& names, Bytes ns_rdata) {
  return std::ranges::any_of(
      names, [&](const wire::Name& name) { return name.view() == wire::NameView(ns_rdata); });
}

}  // namespace

std::vector<std::vector<uint8_t>> name_servers_of(std::span<const Bytes> source,
                                                  const ApexAdditions& additions) {
  std::vector<std::vector<uint8_t>> servers;
  for (const Bytes rdata : source) {
    if (holds(additions.name_servers_out, rdata)) continue;
    servers.emplace_back(rdata.begin(), rdata.end());
  }
  for (const wire::Name& name : additions.name_servers) {
    const Bytes rdata = name.view().bytes();
    const bool is_there = std::ranges::any_of(servers, [&](const std::vector<uint8_t>& of) {
      return wire::NameView(Bytes(of)) == name.view();
    });
    if (!is_there) servers.emplace_back(rdata.begin(), rdata.end());
  }
  // A zone without NS would be no zone.
  if (servers.empty()) {
    for (const Bytes rdata : source) servers.emplace_back(rdata.begin(), rdata.end());
  }
  std::ranges::sort(servers, [](const auto& a, const auto& b) {
    return zone::compare_rdata(wire::type_ns, a, b) < 0;
  });
  return servers;
}

std::vector<uint8_t> make_csync_rdata(uint32_t serial) {
  std::vector<uint8_t> rdata(6);
  store_be32(rdata.data(), serial);
  store_be16(rdata.data() + 4, csync_immediate | csync_soa_minimum);
  std::vector<uint16_t> types{wire::type_a, wire::type_ns, wire::type_aaaa};
  append_type_bitmap(types, rdata);
  return rdata;
}

}  // namespace holdfast::dnssec
