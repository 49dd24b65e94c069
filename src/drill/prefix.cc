// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/prefix.h"

#include <charconv>

namespace holdfast::drill {
namespace {

constexpr Prefix ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t bits) {
  return Prefix{{a, b, c, d}, 4, bits};
}

constexpr Prefix ipv6(uint8_t first, uint8_t second, uint8_t bits) {
  return Prefix{{first, second}, 16, bits};
}

constexpr Prefix laboratory_ranges[] = {ipv4(198, 18, 0, 0, 15), ipv4(100, 64, 0, 0, 10),
                                        ipv6(0xFD, 0, 8)};
constexpr Prefix confined_ranges[] = {
    ipv4(127, 0, 0, 0, 8),        ipv4(169, 254, 0, 0, 16), ipv4(224, 0, 0, 0, 4),
    ipv4(255, 255, 255, 255, 32), ipv6(0xFE, 0x80, 10),     ipv6(0xFF, 0, 8),
};

bool lies_within(const Prefix& prefix, std::span<const Prefix> ranges) {
  for (const Prefix& range : ranges) {
    if (range.contains(prefix)) return true;
  }
  return false;
}

}  // namespace

bool Prefix::contains(const Prefix& other) const {
  if (address_size != other.address_size || other.bits < bits) return false;
  const size_t whole = bits / 8;
  for (size_t index = 0; index < whole; ++index) {
    if (address[index] != other.address[index]) return false;
  }
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const unsigned differing = unsigned{address[whole]} ^ other.address[whole];
  return differing >> (8 - rest) == 0;
}

std::string Prefix::to_text() const {
  Endpoint endpoint{address, address_size, 0};
  std::string text = endpoint.to_text();
  text.resize(text.rfind('@'));
  return text + "/" + std::to_string(bits);
}

Result<Prefix> parse_prefix(std::string_view text) {
  const size_t slash = text.find('/');
  const Endpoint endpoint = TRY(parse_endpoint(text.substr(0, slash), 1));
  Prefix prefix{endpoint.address, endpoint.address_size,
                static_cast<uint8_t>(endpoint.address_size * 8)};
  if (slash == std::string_view::npos) return prefix;
  const std::string_view length = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
  if (error != std::errc{} || end != length.data() + length.size() || bits > prefix.bits) {
    return fail("'" + std::string(text) + "': expected a prefix length of 0 to " +
                std::to_string(prefix.bits));
  }
  prefix.bits = static_cast<uint8_t>(bits);
  return prefix;
}

bool is_laboratory_range(const Prefix& prefix) { return lies_within(prefix, laboratory_ranges); }

bool is_confined_range(const Prefix& prefix) {
  constexpr Prefix loopback_ipv6{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 16, 128};
  return prefix == loopback_ipv6 || lies_within(prefix, confined_ranges);
}

}  // namespace holdfast::drill
