// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/peer.h"

#include <charconv>
#include <utility>

#include "wire/name.h"

namespace holdfast::config {

namespace {

constexpr std::string_view any = "any";
constexpr std::string_view tls_word = "tls";
constexpr std::string_view tls_peer_word = "tls=";
constexpr uint16_t port = 53;
constexpr uint16_t tls_port = 853;  // RFC 7858 §3.1

bool is_graphic(std::string_view text) {
  for (const char byte : text) {
    if (byte <= ' ' || byte > '~') return false;
  }
  return true;
}

struct Demands {
  std::string_view whom;
  std::string key;
  TlsDemand tls;
};

Result<std::string> canonical(std::string_view text) {
  if (text.empty() || !is_graphic(text)) return fail("expected a name behind the space");
  wire::Name name = TRY(wire::Name::from_text(text));
  name.fold_case();
  return name.view().to_text();
}

// Cuts "WHOM KEY TLS" at its single spaces.
Result<Demands> cut(std::string_view text) {
  Demands demands;
  size_t space = text.find(' ');
  demands.whom = text.substr(0, space);
  while (space != std::string_view::npos) {
    if (demands.tls.required) return fail("expected nothing behind tls");
    text.remove_prefix(space + 1);
    space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (word == tls_word || word.starts_with(tls_peer_word)) {
      demands.tls.required = true;
      if (word != tls_word) {
        demands.tls.peer = TRY(canonical(word.substr(tls_peer_word.size())));
      }
    } else {
      if (!demands.key.empty()) return fail("expected one key");
      demands.key = TRY(canonical(word));
    }
  }
  return demands;
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

std::string with_demands(std::string text, const std::string& key, const TlsDemand& tls) {
  if (!key.empty()) text += " " + key;
  if (tls.required) text += " " + tls.to_text();
  return text;
}

}  // namespace

std::string TlsDemand::to_text() const {
  if (!required) return {};
  return peer.empty() ? std::string(tls_word) : std::string(tls_peer_word) + peer;
}

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
  if (address_size == 0) return with_demands(std::string(any), key, tls);
  Endpoint endpoint{.address = address, .address_size = address_size, .port = 1};
  std::string text = endpoint.to_text();
  text.resize(text.find('@'));
  if (prefix_bits != address_size * 8) text += "/" + std::to_string(prefix_bits);
  return with_demands(std::move(text), key, tls);
}

std::string Remote::to_text() const { return with_demands(endpoint.to_text(), key, tls); }

Result<AccessRule> parse_access_rule(std::string_view text) {
  Demands demands = TRY(cut(text));
  AccessRule rule;
  rule.key = std::move(demands.key);
  rule.tls = std::move(demands.tls);
  if (demands.whom == any) return rule;
  const size_t slash = demands.whom.find('/');
  const std::string_view address = demands.whom.substr(0, slash);
  if (address.find('@') != std::string_view::npos)
    return fail("expected an address without a port");
  const Endpoint endpoint = TRY(parse_endpoint(address, port));
  rule.address = endpoint.address;
  rule.address_size = endpoint.address_size;
  rule.prefix_bits = static_cast<uint8_t>(endpoint.address_size * 8);
  if (slash != std::string_view::npos) {
    rule.prefix_bits = TRY(parse_prefix(demands.whom.substr(slash + 1), rule.prefix_bits));
  }
  return rule;
}

Result<Remote> parse_remote(std::string_view text) {
  Demands demands = TRY(cut(text));
  Remote remote;
  remote.key = std::move(demands.key);
  remote.tls = std::move(demands.tls);
  remote.endpoint = TRY(parse_endpoint(demands.whom, remote.tls.required ? tls_port : port));
  return remote;
}

}  // namespace holdfast::config
