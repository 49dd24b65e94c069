// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/peer.h"

#include <charconv>

#include "wire/name.h"

namespace holdfast::config {

namespace {

constexpr std::string_view any = "any";

bool is_graphic(std::string_view text) {
  for (const char byte : text) {
    if (byte <= ' ' || byte > '~') return false;
  }
  return true;
}

// Cuts "WHAT KEY" at its one space; the key in canonical text.
Result<std::string> cut_key(std::string_view& text) {
  const size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::string();
  const std::string_view key = text.substr(space + 1);
  text = text.substr(0, space);
  if (key.empty() || !is_graphic(key)) return fail("expected the name of a key behind the space");
  wire::Name name = TRY(wire::Name::from_text(key));
  name.fold_case();
  return name.view().to_text();
}

Result<uint8_t> parse_prefix(std::string_view text, unsigned bits_max) {
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  const bool has_zero_before = text.size() > 1 && text[0] == '0';
  if (error != std::errc() || end != text.data() + text.size() || bits > bits_max ||
      has_zero_before) {
    return fail("prefix length \"" + std::string(text) + "\": expected 0 to " +
                std::to_string(bits_max));
  }
  return static_cast<uint8_t>(bits);
}

std::string with_key(const std::string& text, const std::string& key) {
  return key.empty() ? text : text + " " + key;
}

}  // namespace

bool AccessRule::covers(Bytes address_bytes) const {
  if (address_size == 0) return true;
  if (address_bytes.size() != address_size) return false;
  for (size_t i = 0, left = prefix_bits; left > 0; ++i) {
    const size_t bits = left < 8 ? left : 8;
    const auto mask = static_cast<uint8_t>(0xff << (8 - bits));
    if (((address[i] ^ address_bytes[i]) & mask) != 0) return false;
    left -= bits;
  }
  return true;
}

std::string AccessRule::to_text() const {
  if (address_size == 0) return with_key(std::string(any), key);
  Endpoint endpoint{.address = address, .address_size = address_size, .port = 1};
  std::string text = endpoint.to_text();
  text.resize(text.find('@'));
  if (prefix_bits != address_size * 8) text += "/" + std::to_string(prefix_bits);
  return with_key(text, key);
}

std::string Remote::to_text() const { return with_key(endpoint.to_text(), key); }

Result<AccessRule> parse_access_rule(std::string_view text) {
  AccessRule rule;
  rule.key = TRY(cut_key(text));
  if (text == any) return rule;
  const size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  if (address.find('@') != std::string_view::npos)
    return fail("expected an address without a port");
  const Endpoint endpoint = TRY(parse_endpoint(address, 1));
  rule.address = endpoint.address;
  rule.address_size = endpoint.address_size;
  rule.prefix_bits = static_cast<uint8_t>(endpoint.address_size * 8);
  if (slash != std::string_view::npos) {
    rule.prefix_bits = TRY(parse_prefix(text.substr(slash + 1), rule.prefix_bits));
  }
  return rule;
}

Result<Remote> parse_remote(std::string_view text) {
  Remote remote;
  remote.key = TRY(cut_key(text));
  remote.endpoint = TRY(parse_endpoint(text, 53));
  return remote;
}

}  // namespace holdfast::config
