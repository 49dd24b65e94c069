// SPDX-License-Identifier: GPL-3.0-or-later
// What values a key may hold: for the parser, for its messages, and as a pattern for the schema.
#include <fmt/format.h>

#include <algorithm>

#include "base/token_uri.h"
#include "config/key_secret.h"
#include "config/keys.h"
#include "config/secret.h"
#include "wire/name.h"

namespace holdfast::config {

namespace {

constexpr size_t path_bytes_max = 4095;     // PATH_MAX without its final zero
constexpr size_t account_bytes_max = 32;    // utmp(5)
constexpr size_t interface_bytes_max = 15;  // IFNAMSIZ without its final zero

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char byte) { return byte >= ' ' && byte <= '~'; });
}

bool is_hexadecimal(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool is_nsid(std::string_view text) {
  if (!text.starts_with("0x")) return is_printable(text) && text.size() <= nsid_bytes_max;
  const std::string_view digits = text.substr(2);
  return is_hexadecimal(digits) && !digits.empty() && digits.size() % 2 == 0 &&
         digits.size() / 2 <= nsid_bytes_max;
}

bool is_account(std::string_view text) {
  return text.size() <= account_bytes_max && std::ranges::all_of(text, [](char byte) {
           const char lower = static_cast<char>(byte | 0x20);
           return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' ||
                  byte == '-' || byte == '.';
         });
}

bool is_zone_name(std::string_view text) {
  const bool graphic =
      std::ranges::all_of(text, [](char byte) { return byte > ' ' && byte <= '~'; });
  return graphic && wire::Name::from_text(text).has_value();
}

bool is_path(std::string_view text, size_t bytes_min) {
  return text.size() >= bytes_min && text.size() <= path_bytes_max &&
         text.find('\0') == std::string_view::npos;
}

bool are_endpoints(const std::vector<std::string>& texts) {
  return std::ranges::all_of(
      texts, [](const std::string& text) { return parse_endpoint(text, 53).has_value(); });
}

// As the kernel has it: no slash, no blank, no colon, and room for a final zero in 16 bytes.
bool is_interface(std::string_view text) {
  return !text.empty() && text.size() <= interface_bytes_max && text != "." && text != ".." &&
         std::ranges::all_of(text, [](char byte) {
           return byte > ' ' && byte <= '~' && byte != '/' && byte != ':';
         });
}

bool are_accesses(const std::vector<std::string>& texts) {
  return std::ranges::all_of(
      texts, [](const std::string& text) { return parse_access_rule(text).has_value(); });
}

bool are_remotes(const std::vector<std::string>& texts) {
  return std::ranges::all_of(texts, [](const std::string& text) {
    const auto remote = parse_remote(text);
    return remote && !remote->tls.required;
  });
}

bool are_updates(const std::vector<std::string>& texts) {
  return std::ranges::all_of(
      texts, [](const std::string& text) { return parse_update_rule(text).has_value(); });
}

bool are_primaries(const std::vector<std::string>& texts) {
  return std::ranges::all_of(texts, [](const std::string& text) {
    const auto remote = parse_remote(text);
    return remote && (!remote->tls.required || !remote->tls.peer.empty() || !remote->key.empty());
  });
}

// A token alone: which keys are whose is kept with the keys.
bool is_token(const std::string& text) {
  const auto uri = TokenUri::from_text(text);
  return uri && !uri->names_key();
}

bool are_signers(const std::vector<std::string>& texts) {
  return std::ranges::all_of(
      texts, [](const std::string& text) { return parse_signer(text).has_value(); });
}

bool are_pins(const std::vector<std::string>& texts) {
  constexpr size_t sha256_bytes = 32;
  return std::ranges::all_of(texts, [](const std::string& text) {
    const auto bytes = key_secret_from_text(text);
    return bytes && bytes->size() == sha256_bytes;
  });
}

bool is_allowed_list(const Key& key, const std::vector<std::string>& texts) {
  if (texts.size() < key.min || texts.size() > key.max) return false;
  if (key.kind == Kind::accesses) return are_accesses(texts);
  if (key.kind == Kind::remotes) return are_remotes(texts);
  if (key.kind == Kind::primaries) return are_primaries(texts);
  if (key.kind == Kind::signers) return are_signers(texts);
  if (key.kind == Kind::updates) return are_updates(texts);
  if (key.kind == Kind::pins) return are_pins(texts);
  if (key.kind == Kind::endpoints) return are_endpoints(texts);
  return key.kind == Kind::interfaces && std::ranges::all_of(texts, is_interface);
}

bool is_allowed_text(const Key& key, const std::string& text) {
  switch (key.kind) {
    case Kind::text:
      return is_printable(text) && text.size() <= key.max;
    case Kind::account:
      return is_account(text);
    case Kind::nsid:
      return is_nsid(text);
    case Kind::path:
      return is_path(text, key.min);
    case Kind::domain_name:
      return (text.empty() && key.min == 0) || is_zone_name(text);
    case Kind::endpoint:
      return text.empty() || parse_url_endpoint(text);
    case Kind::choice:
      return std::ranges::find(key.choices, text) != key.choices.end();
    case Kind::secret:
      return text.empty() || secret_from_text(text);
    case Kind::key_secret:
      return text.empty() || key_secret_from_text(text);
    case Kind::token:
      return text.empty() || is_token(text);
    case Kind::boolean:
    case Kind::integer:
    case Kind::endpoints:
    case Kind::interfaces:
    case Kind::accesses:
    case Kind::remotes:
    case Kind::primaries:
    case Kind::pins:
    case Kind::signers:
    case Kind::updates:
      return false;
  }
  return false;
}

constexpr std::string_view port_pattern =
    "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
constexpr std::string_view byte_pattern = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

std::string ipv4_pattern() { return fmt::format("({0}\\.{0}\\.{0}\\.{0})", byte_pattern); }

// RFC 4291 §2.2: eight groups, or fewer with one "::", the last two perhaps as IPv4.
std::string ipv6_pattern() {
  const std::string group = "[0-9A-Fa-f]{1,4}";
  const std::string tail = fmt::format("({0}:{0}|{1})", group, ipv4_pattern());
  std::string pattern = fmt::format("({0}:){{6}}{1}", group, tail);
  pattern += fmt::format("|::({0}:){{0,5}}{1}", group, tail);
  // At least one group before the "::"; after it up to what remains of eight.
  for (int before = 1; before <= 5; ++before) {
    pattern += fmt::format("|({0}:){{{1}}}:({0}:){{0,{2}}}{3}", group, before, 5 - before, tail);
  }
  pattern += fmt::format("|({0}:){{1,6}}:{0}|({0}:){{1,7}}:|::({0})?", group);
  return "(" + pattern + ")";
}

std::string name_pattern() {
  // A byte of a label, escapes included: graphic ASCII but "." and "\", or "\." or "\DDD".
  constexpr std::string_view byte =
      R"(([!-\-/-\[\]-~]|\\[!-/:-~]|\\([01][0-9]{2}|2[0-4][0-9]|25[0-5])))";
  return fmt::format(R"((\.|({0}{{1,63}}\.)*{0}{{1,63}}\.?))", byte);
}

// The name of a key behind a space; "tls" and "tls=…" are none.
std::string required_key_pattern() { return " (?!tls(=|$| ))" + name_pattern(); }
std::string key_pattern() { return "(" + required_key_pattern() + ")?"; }

}  // namespace

bool is_allowed(const Key& key, const Value& value) {
  if (const auto* number = std::get_if<uint32_t>(&value)) {
    return key.kind == Kind::integer && *number >= key.min && *number <= key.max;
  }
  if (const auto* text = std::get_if<std::string>(&value)) return is_allowed_text(key, *text);
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    return is_allowed_list(key, *texts);
  }
  return key.kind == Kind::boolean;
}

std::string expectation(const Key& key) {
  switch (key.kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return fmt::format("a whole number from {} to {}", key.min, key.max);
    case Kind::text:
      return fmt::format("printable ASCII text of at most {} bytes", key.max);
    case Kind::account:
      return "the name of an account of at most 32 letters, digits, '.', '_', '-'";
    case Kind::nsid:
      return fmt::format(
          "text of at most {0} bytes, \"auto\", or \"0x\" and up to {0} bytes as pairs "
          "of hexadecimal digits",
          nsid_bytes_max);
    case Kind::path:
      return "the path of a file or folder";
    case Kind::domain_name:
      return "a domain name such as \"example.com\", other scripts in their xn-- form";
    case Kind::endpoint:
      return "\"address:port\", such as \"127.0.0.1:9153\" or \"[::1]:9153\"";
    case Kind::endpoints:
      return fmt::format(
          "{} to {} strings \"address@port\", such as [\"192.0.2.1@53\", \"::1@53\"]", key.min,
          key.max);
    case Kind::interfaces:
      return fmt::format("at most {} names of network interfaces, such as [\"eth0\"]", key.max);
    case Kind::choice:
      return fmt::format("one of \"{}\"", fmt::join(key.choices, "\", \""));
    case Kind::secret:
      return "32 hexadecimal digits";
    case Kind::key_secret:
      return fmt::format("base64 of 1 to {} bytes", key_secret_bytes_max);
    case Kind::token:
      return "the URI of a token without a PIN, such as "
             "\"pkcs11:token=keys?module-path=/usr/lib/softhsm/libsofthsm2.so&"
             "pin-source=file:/etc/holdfast/pin\"";
    case Kind::remotes:
      return fmt::format(
          "at most {} strings \"address[@port] [key]\", such as "
          "[\"192.0.2.1\", \"2001:db8::1@5300 transfer-key\"]",
          key.max);
    case Kind::primaries:
      return fmt::format(
          "{} to {} strings \"address[@port] [key] [tls=peer]\", or \"address[@port] key tls\", "
          "such as [\"192.0.2.1\", \"2001:db8::1@5300 transfer-key\", \"192.0.2.2 tls=other\"]",
          key.min, key.max);
    case Kind::pins:
      return fmt::format("at most {} strings of 44 characters, base64 of SHA-256", key.max);
    case Kind::signers:
      return fmt::format(
          "at most {} strings \"name address[@port]… [name-server]…\", such as [\"other 192.0.2.2 "
          "ns1.other.example\"]",
          key.max);
    case Kind::updates:
      return fmt::format(
          "at most {} strings \"key [names] [types]\", such as [\"ddns-key\", "
          "\"acme-key name:_acme-challenge.example.com TXT\"]",
          key.max);
    case Kind::accesses:
      return fmt::format(
          "at most {} strings \"address[/length] [key] [tls[=peer]]\" or \"any …\", such as "
          "[\"192.0.2.0/24\", \"2001:db8::1 transfer-key\", \"any transfer-key tls\"]",
          key.max);
  }
  return {};
}

std::string pattern(const Key& key) {
  switch (key.kind) {
    case Kind::text:
      return fmt::format("^[ -~]{{0,{}}}$", key.max);
    case Kind::account:
      return fmt::format("^[A-Za-z0-9._-]{{0,{}}}$", account_bytes_max);
    case Kind::nsid:
      return fmt::format("^(0x([0-9A-Fa-f]{{2}}){{1,{0}}}|(?!0x)[ -~]{{0,{0}}})$", nsid_bytes_max);
    case Kind::path:
      return fmt::format("^[^\\u0000]{{{},{}}}$", key.min, path_bytes_max);
    case Kind::domain_name:
      return "^" + name_pattern() + (key.min == 0 ? "?$" : "$");
    case Kind::endpoint:
      return fmt::format("^(({}|\\[{}\\]):{})?$", ipv4_pattern(), ipv6_pattern(), port_pattern);
    case Kind::endpoints:
      return fmt::format("^({}|{})(@{})?$", ipv4_pattern(), ipv6_pattern(), port_pattern);
    case Kind::interfaces:
      return fmt::format("^(?!\\.{{1,2}}$)[!-.0-9;-~]{{1,{}}}$", interface_bytes_max);
    case Kind::secret:
      return "^([0-9A-Fa-f]{32})?$";
    case Kind::key_secret:
      // Not more than key_secret_bytes_max: 171 groups would be 511 to 513.
      return "^(([A-Za-z0-9+/]{4}){0,169}([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)|"
             "([A-Za-z0-9+/]{4}){170}([A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==))?$";
    case Kind::remotes:
      return fmt::format("^({}|{})(@{})?{}$", ipv4_pattern(), ipv6_pattern(), port_pattern,
                         key_pattern());
    case Kind::primaries:
      return fmt::format("^({0}|{1})(@{2})?({3}( tls={4})?|{5} tls)$", ipv4_pattern(),
                         ipv6_pattern(), port_pattern, key_pattern(), name_pattern(),
                         required_key_pattern());
    case Kind::token: {
      constexpr std::string_view value = "([^;?&%]|%[0-9A-Fa-f]{2})";
      const std::string attribute =
          fmt::format("(((token|module-path|pin-source|type)={0}*)|((object|id)=))", value);
      return fmt::format(
          "^(pkcs11:(?=(.*[;?&])?token=[^;?&])(?=(.*[;?&])?module-path=(/|%2[Ff])){0}?([;?&]{0}?)*)"
          "?$",
          attribute);
    }
    case Kind::pins:
      return "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$";
    case Kind::signers:
      return fmt::format("^[A-Za-z0-9_-]{{1,{}}}( ({}|{})(@{})?){{1,{}}}( {}){{0,{}}}$",
                         signer_name_bytes_max, ipv4_pattern(), ipv6_pattern(), port_pattern,
                         signer_servers_max, name_pattern(), signer_names_max);
    case Kind::updates:  // any word in upper case may be the mnemonic of a type
      return fmt::format(
          "^{0}( (any|self|under-self|(name|under):{0}))?( [A-Z0-9-]+(,[A-Z0-9-]+)*)?$",
          name_pattern());
    case Kind::accesses:
      return fmt::format(
          "^(any|{}(/(3[0-2]|[12]?[0-9]))?|{}(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?){}( "
          "tls(={})?)?$",
          ipv4_pattern(), ipv6_pattern(), key_pattern(), name_pattern());
    case Kind::boolean:
    case Kind::integer:
    case Kind::choice:
      return {};
  }
  return {};
}

}  // namespace holdfast::config
